import { SEAL } from '@portcall/native';
import {
  CONTROL_TOKEN,
  HANDLES_MAX,
  REGION_HEADER_BYTES,
  REGION_MAGIC,
  REGION_OFFSET,
} from '@portcall/wire';
import { describe, expect, it } from 'vitest';

import { nativeBinding } from '../test/support/native.js';

describe('layout()', () => {
  it('states the same numbers in C as in TypeScript, and no others', () => {
    const { MAGIC, LAYOUT_HASH, RING_BYTES, ...cursors } = REGION_OFFSET;
    expect([MAGIC, LAYOUT_HASH, RING_BYTES]).toEqual([0, 4, 8]);
    const seals = Object.entries(SEAL).map(([name, value]) => [`SEAL_${name}`, value]);
    expect(nativeBinding().layout()).toEqual({
      DOORBELL: CONTROL_TOKEN.DOORBELL,
      HANDLES_MAX,
      MAGIC: REGION_MAGIC,
      HEADER_BYTES: REGION_HEADER_BYTES,
      ...cursors,
      ...Object.fromEntries(seals),
    });
  });
});
