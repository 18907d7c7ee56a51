import { describe, expect, it } from 'vitest';

import { PendingConnects } from './pending-connects.js';

describe('tryEnter()', () => {
  it('gives each user as many places as the limit says', () => {
    const pending = new PendingConnects(2);
    expect(pending.tryEnter(1)).toBeDefined();
    expect(pending.tryEnter(1)).toBeDefined();
    expect(pending.tryEnter(1)).toBeUndefined();
    expect(pending.tryEnter(2)).toBeDefined();
  });

  it('counts nobody known as one user', () => {
    const pending = new PendingConnects(1);
    expect(pending.tryEnter(undefined)).toBeDefined();
    expect(pending.tryEnter(undefined)).toBeUndefined();
    expect(pending.tryEnter(0)).toBeDefined();
  });

  it('gives a place back once, however often it is left', () => {
    const pending = new PendingConnects(2);
    const first = pending.tryEnter(1);
    pending.tryEnter(1);
    first?.();
    first?.();
    expect(pending.tryEnter(1)).toBeDefined();
    expect(pending.tryEnter(1)).toBeUndefined();
  });

  it('gives no place with limit 0', () => {
    expect(new PendingConnects(0).tryEnter(1)).toBeUndefined();
  });
});
