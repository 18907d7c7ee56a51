/**
 * Thrown inside the reader at the first thing that is not protobuf; becomes a finding at `offset`.
 */
export class ProtoSyntaxError extends Error {
  override readonly name = 'ProtoSyntaxError';
  /** Offset into the text of the file. */
  readonly offset: number;
  /** How to repair it. */
  readonly hint: string;

  constructor(offset: number, text: string, hint: string) {
    super(text);
    this.offset = offset;
    this.hint = hint;
  }
}
