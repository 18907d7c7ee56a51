import type { DescMessage } from '@bufbuild/protobuf';

/** The four shapes of a call. */
export type MethodKind = 'unary' | 'server-stream' | 'client-stream' | 'bidi-stream';

/** A method with everything that its generated code says. */
export interface MethodModel {
  /** As in the `.proto` file. */
  readonly name: string;
  /** Name of the property in TypeScript. */
  readonly localName: string;
  /** Not 0, and different for each method of the service. */
  readonly id: number;
  readonly kind: MethodKind;
  readonly oneway: boolean;
  readonly maybe: boolean;
  readonly idempotent: boolean;
  readonly deadlineMs: number | undefined;
  readonly maxRequestBytes: number | undefined;
  readonly maxResponseBytes: number | undefined;
  readonly priority: number | undefined;
  readonly callback: boolean;
  readonly acl: string | undefined;
  readonly sensitive: boolean;
  readonly input: DescMessage;
  readonly output: DescMessage;
  /** Comment as in `source_code_info`; empty for none. */
  readonly comment: string;
  readonly deprecated: boolean;
}

/** A service with everything that its generated code says. */
export interface ServiceModel {
  readonly name: string;
  readonly fullName: string;
  /** Lower case, with hyphens. */
  readonly uuid: string;
  readonly version: { readonly major: number; readonly minor: number };
  readonly localOnly: boolean;
  readonly open: boolean;
  readonly object: boolean;
  readonly methods: readonly MethodModel[];
  readonly comment: string;
  readonly deprecated: boolean;
}
