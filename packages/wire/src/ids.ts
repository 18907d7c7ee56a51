declare const brand: unique symbol;
type Branded<T, B> = T & { readonly [brand]: B };

/**
 * Number of a message on its connection: 1 … 2^32−1, never 0, unique among the outstanding ones.
 */
export type MessageId = Branded<number, 'MessageId'>;

/** Stable number of a method within its interface: 1 … 2^32−1. */
export type MethodId = Branded<number, 'MethodId'>;
