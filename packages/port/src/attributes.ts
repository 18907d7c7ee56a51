import {
  CONNECT_INFO_BYTES_MAX,
  DEFAULT_PORT_ATTRIBUTES,
  PORT_ATTRIBUTE_MAX,
  PORT_ATTRIBUTE_ORDER,
  type PortAttributes,
} from '@portcall/wire';

/**
 * The defaults with a program's own values.
 *
 * @throws RangeError for a value that is not a whole number from 1 to its limit
 */
export function completeAttributes(own: Partial<PortAttributes> = {}): PortAttributes {
  const attributes = { ...DEFAULT_PORT_ATTRIBUTES, ...own };
  for (const name of PORT_ATTRIBUTE_ORDER) {
    const limit = name === 'maxConnectInfo' ? CONNECT_INFO_BYTES_MAX : PORT_ATTRIBUTE_MAX;
    const value = attributes[name];
    if (!Number.isSafeInteger(value) || value < 1 || value > limit) {
      throw new RangeError(
        `Cannot use port attribute ${name}: value is ${value}, wanted a whole number from 1 ` +
          `to ${limit}`,
      );
    }
  }
  return attributes;
}

/** What holds on a connection: of each attribute the smaller value. */
export function effectiveAttributes(ours: PortAttributes, theirs: PortAttributes): PortAttributes {
  const effective = { ...ours };
  for (const name of PORT_ATTRIBUTE_ORDER) {
    effective[name] = Math.min(ours[name], theirs[name]);
  }
  return effective;
}
