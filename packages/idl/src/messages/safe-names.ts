/**
 * Names that a message or an enum on the outermost level cannot have in the code of ts-proto: words
 * of the language, globals that the code uses without `globalThis`, and its own helpers. They get
 * an ending (`Map` becomes `MapMessage`), as ts-proto itself does it for `Date` and `Function`.
 */
const UNSAFE_NAMES: ReadonlySet<string> = new Set(
  `
  any arguments async atob await base64FromBytes BigInt bigint BinaryReader BinaryWriter boolean
  break btoa Builtin bytesFromBase64 case catch class const continue Date debugger DeepPartial
  default delete do else enum eval export extends false finally for fromJsonTimestamp
  fromTimestamp Function function globalThis if implements import in instanceof interface
  isObject isSet let longToNumber Map Math MessageFns never new null number object package
  Partial private protected protobufFileName protobufPackage public return static String string
  super switch symbol this throw Timestamp toTimestamp true try type typeof Uint8Array undefined
  unknown UnwrappedStruct var void while with yield
  `
    .trim()
    .split(/\s+/),
);

/** The google types are what ts-proto expects under their own names. */
const EXEMPT_PACKAGE = 'google.protobuf';

/** Name of an outermost message or enum as given to ts-proto. */
export function safeName(name: string, packageName: string, kind: 'message' | 'enum'): string {
  if (packageName === EXEMPT_PACKAGE || !UNSAFE_NAMES.has(name)) return name;
  return kind === 'message' ? `${name}Message` : `${name}Enum`;
}
