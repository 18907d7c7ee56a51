import { type FileRegistry, getExtension, hasExtension, type Message } from '@bufbuild/protobuf';

/** Reads the options of `portcall/options.proto` from options messages, by reflection. */
export class PortcallOptions {
  readonly #registry: FileRegistry;

  constructor(registry: FileRegistry) {
    this.#registry = registry;
  }

  /** A string option; undefined if it is not set. */
  text(options: Message | undefined, name: string): string | undefined {
    const value = this.#get(options, name);
    return typeof value === 'string' ? value : undefined;
  }

  /** A number option; undefined if it is not set. */
  number(options: Message | undefined, name: string): number | undefined {
    const value = this.#get(options, name);
    return typeof value === 'number' ? value : undefined;
  }

  /** A boolean option; false if it is not set. */
  flag(options: Message | undefined, name: string): boolean {
    return this.#get(options, name) === true;
  }

  #get(options: Message | undefined, name: string): unknown {
    const extension = this.#registry.getExtension(`portcall.${name}`);
    if (options === undefined || extension === undefined) return undefined;
    if (extension.extendee.typeName !== options.$typeName) return undefined;
    return hasExtension(options, extension) ? getExtension(options, extension) : undefined;
  }
}
