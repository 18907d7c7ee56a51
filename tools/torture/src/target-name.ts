/** Name of the port whose clients are killed. */
export const TARGET_NAME = 'target';
