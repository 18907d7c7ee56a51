import {
  ATTRIBUTE_WORDS,
  CONNECT_INFO_BYTES_MAX,
  DEFAULT_PORT_ATTRIBUTES,
  HANDLE_TYPES,
  IMPERSONATION_LEVELS,
  NUMERIC_ATTRIBUTES,
  PORT_ATTRIBUTE_MAX,
  PortError,
  TIMEOUT_MS_MAX,
  type HandleType,
  type ImpersonationLevel,
  type PortAttributes,
} from '@portcall/wire';

const KIB = 1024;
const HANDLE_BITS_MAX = (1 << HANDLE_TYPES.length) - 1;
const HANDLE_WORD = NUMERIC_ATTRIBUTES.length;
const LEVEL_WORD = HANDLE_WORD + 1;
const BANDWIDTH_WORD = HANDLE_WORD + 2;

/**
 * The defaults with a program's own values.
 *
 * @throws RangeError for a value outside its range
 */
export function completeAttributes(own: Partial<PortAttributes> = {}): PortAttributes {
  const attributes = { ...DEFAULT_PORT_ATTRIBUTES, ...own };
  for (const name of NUMERIC_ATTRIBUTES) {
    const limit = limitOf(name);
    const value = attributes[name];
    if (!Number.isSafeInteger(value) || value < 1 || value > limit) {
      throw new RangeError(
        `Cannot use port attribute ${name}: value is ${value}, wanted a whole number from 1 ` +
          `to ${limit}`,
      );
    }
  }
  const { dupObjectTypes, allowImpersonation, memoryBandwidth } = attributes;
  const unknown = dupObjectTypes.find((type) => !HANDLE_TYPES.includes(type));
  if (unknown !== undefined) {
    throw new RangeError(`Cannot use port attribute dupObjectTypes: there is no type ${unknown}`);
  }
  if (!IMPERSONATION_LEVELS.includes(allowImpersonation)) {
    throw new RangeError(
      `Cannot use port attribute allowImpersonation: there is no level ${allowImpersonation}`,
    );
  }
  if (typeof memoryBandwidth !== 'number' || !(memoryBandwidth >= KIB)) {
    throw new RangeError(
      `Cannot use port attribute memoryBandwidth: value is ${memoryBandwidth} bytes per second, ` +
        `wanted at least ${KIB}`,
    );
  }
  return attributes;
}

function limitOf(name: (typeof NUMERIC_ATTRIBUTES)[number]): number {
  if (name === 'maxConnectInfo') return CONNECT_INFO_BYTES_MAX;
  return name === 'handshakeTimeoutMs' || name === 'leaseMs' ? TIMEOUT_MS_MAX : PORT_ATTRIBUTE_MAX;
}

/** What holds on a connection: of each attribute the smaller, or common, value. */
export function effectiveAttributes(ours: PortAttributes, theirs: PortAttributes): PortAttributes {
  const effective = { ...ours };
  for (const name of NUMERIC_ATTRIBUTES) effective[name] = Math.min(ours[name], theirs[name]);
  effective.dupObjectTypes = ours.dupObjectTypes.filter((type) => {
    return theirs.dupObjectTypes.includes(type);
  });
  const level = Math.min(
    IMPERSONATION_LEVELS.indexOf(ours.allowImpersonation),
    IMPERSONATION_LEVELS.indexOf(theirs.allowImpersonation),
  );
  effective.allowImpersonation = IMPERSONATION_LEVELS[level] ?? 'anonymous';
  effective.memoryBandwidth = Math.min(ours.memoryBandwidth, theirs.memoryBandwidth);
  return effective;
}

/** Attributes as they cross the wire: `ATTRIBUTE_WORDS` numbers, each a u32. */
export function attributeWords(attributes: PortAttributes): number[] {
  const { dupObjectTypes, allowImpersonation, memoryBandwidth } = attributes;
  const bits = dupObjectTypes.reduce((sum, type) => sum | (1 << HANDLE_TYPES.indexOf(type)), 0);
  const kibPerSecond = Math.min(Math.floor(memoryBandwidth / KIB), PORT_ATTRIBUTE_MAX);
  return [
    ...NUMERIC_ATTRIBUTES.map((name) => attributes[name]),
    bits,
    IMPERSONATION_LEVELS.indexOf(allowImpersonation),
    kibPerSecond,
  ];
}

/**
 * The attributes that a peer stated.
 *
 * @param words at least `ATTRIBUTE_WORDS` of them; more are those of a later version
 * @throws PortError PROTOCOL_ERROR for a value outside its range
 */
export function attributesFromWords(words: readonly number[]): PortAttributes {
  if (words.length < ATTRIBUTE_WORDS) throw bad(`it states ${words.length} attributes`);
  const numbers: Partial<Record<(typeof NUMERIC_ATTRIBUTES)[number], number>> = {};
  NUMERIC_ATTRIBUTES.forEach((name, index) => {
    const value = words[index] ?? 0;
    if (value < 1 || value > PORT_ATTRIBUTE_MAX) throw bad(`its ${name} is ${value}`);
    numbers[name] = value;
  });
  const bits = words[HANDLE_WORD] ?? 0;
  if (bits > HANDLE_BITS_MAX) throw bad(`its dupObjectTypes is ${bits}`);
  const level: ImpersonationLevel | undefined = IMPERSONATION_LEVELS[words[LEVEL_WORD] ?? 0];
  if (level === undefined) throw bad(`its allowImpersonation is ${words[LEVEL_WORD]}`);
  const kibPerSecond = words[BANDWIDTH_WORD] ?? 0;
  if (kibPerSecond < 1 || kibPerSecond > PORT_ATTRIBUTE_MAX) {
    throw bad(`its memoryBandwidth is ${kibPerSecond}`);
  }
  const types: readonly HandleType[] = HANDLE_TYPES.filter((_, index) => bits & (1 << index));
  return {
    ...DEFAULT_PORT_ATTRIBUTES,
    ...numbers,
    dupObjectTypes: types,
    allowImpersonation: level,
    memoryBandwidth: kibPerSecond === PORT_ATTRIBUTE_MAX ? Infinity : kibPerSecond * KIB,
  };
}

function bad(text: string): PortError {
  return new PortError('PROTOCOL_ERROR', `Cannot read handshake payload: ${text}`, {
    executed: 'no',
  });
}
