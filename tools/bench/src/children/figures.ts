/** What a subject yielded in one round, by name with the unit in it. */
export type Figures = Readonly<Record<string, number>>;
