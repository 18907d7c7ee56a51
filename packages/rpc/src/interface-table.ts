import { STATUS } from '@portcall/wire';

import { interfaceIdOf, type BindResult, type InterfaceId } from './interface-id.js';
import { prepareMethod, type PreparedMethod } from './prepared-method.js';
import type { ServiceImplementation, ServiceOptions } from './service-definition.js';

/** The handler's function, called with the implementation as `this`. */
type HandlerFunction = (request: unknown, context: unknown) => unknown;

/** A method that can be run. */
export interface ServedMethod extends PreparedMethod {
  /** Runs the handler; may throw, return a value or a promise. */
  readonly run: HandlerFunction;
}

/** A service that is served. */
export interface ServedInterface {
  readonly id: InterfaceId;
  readonly methods: ReadonlyMap<number, ServedMethod>;
}

/** The interfaces of a server, by identity. */
export class InterfaceTable {
  readonly #interfaces: readonly ServedInterface[];

  /** @throws TypeError when a method has no implementation, or an interface is there twice */
  constructor(services: readonly ServiceImplementation[]) {
    this.#interfaces = services.map(serveInterface);
    const seen = new Set<string>();
    for (const { id } of this.#interfaces) {
      const key = `${id.uuid} ${id.major}`;
      if (seen.has(key)) throw new TypeError(`Cannot serve: interface ${key} is there twice`);
      seen.add(key);
    }
  }

  /**
   * Finds what a client asks for and gives it a number in the client's own table.
   *
   * Accepted when the major version is equal and the server's minor is at least the client's.
   */
  bind(wanted: InterfaceId, bound: ServedInterface[]): BindResult {
    const sameUuid = this.#interfaces.filter(({ id }) => id.uuid === wanted.uuid);
    const served = sameUuid.find(({ id }) => id.major === wanted.major && id.minor >= wanted.minor);
    if (served === undefined) {
      const status = sameUuid.length > 0 ? STATUS.VERSION_MISMATCH.id : STATUS.UNKNOWN_INTERFACE.id;
      return { status, index: 0, minor: sameUuid[0]?.id.minor ?? 0, fingerprintDiffers: false };
    }
    let index = bound.indexOf(served);
    if (index < 0) index = bound.push(served) - 1;
    return {
      status: 0,
      index,
      minor: served.id.minor,
      fingerprintDiffers:
        served.id.minor === wanted.minor && served.id.fingerprint !== wanted.fingerprint,
    };
  }
}

function serveInterface({ service, implementation }: ServiceImplementation): ServedInterface {
  refuseUnenforced(service);
  const methods = new Map<number, ServedMethod>();
  const functions = implementation as Readonly<Record<string, unknown>>;
  for (const [name, definition] of Object.entries(service.methods)) {
    const method = prepareMethod(service, definition);
    const handler = functions[name];
    if (typeof handler !== 'function') {
      throw new TypeError(`Cannot serve ${method.fullName}: there is no function "${name}"`);
    }
    if (methods.has(definition.id)) {
      throw new TypeError(
        `Cannot serve ${method.fullName}: another method has id ` + `${definition.id}`,
      );
    }
    methods.set(definition.id, { ...method, run: handler.bind(implementation) as HandlerFunction });
  }
  return { id: interfaceIdOf(service), methods };
}

/** What the IDL promises and the run time does not keep yet must not be served as if it did. */
function refuseUnenforced(service: ServiceOptions): void {
  if (service.object === true) {
    throw new TypeError(`Cannot serve ${service.fullName}: object interfaces are not built yet`);
  }
  for (const method of Object.values(service.methods)) {
    const option = (['acl', 'callback', 'sensitive'] as const).find((name) => method[name]);
    if (option === undefined) continue;
    throw new TypeError(
      `Cannot serve ${service.fullName}/${method.name}: its option "${option}" is not enforced yet`,
    );
  }
}
