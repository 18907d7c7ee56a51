/*
 * Threat: the other side sends a frame that is whole and still none of a handshake: features that
 * nobody asked for, a region that did not come, a descriptor that nobody announced.
 */
import { FEATURE, FRAME_TYPE, LAYOUT_HASH } from '@portcall/wire';
import { describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/recorder.js';
import { checkAnswer, checkRequest } from './check-frame.js';
import { PLAIN_FRAME } from './frame.js';

const REQUEST = {
  ...PLAIN_FRAME,
  type: FRAME_TYPE.CONNECT_REQUEST,
  payload: new Uint8Array(0),
};
const ACCEPT = { ...REQUEST, type: FRAME_TYPE.ACCEPT };
const REJECT = { ...REQUEST, type: FRAME_TYPE.REJECT };
const SHARED = { features: FEATURE.SHARED_MEMORY, layoutHash: LAYOUT_HASH, regionBytes: 4096 };
const ALL = FEATURE.SHARED_MEMORY | FEATURE.HANDOVER | FEATURE.QUICK;

describe('checkRequest()', () => {
  it.each([
    ['a plain one', REQUEST, false],
    ['shared memory', { ...REQUEST, ...SHARED }, true],
    [
      'shared memory of another layout',
      { ...REQUEST, ...SHARED, layoutHash: 1, regionBytes: 5 },
      true,
    ],
    ['all features', { ...REQUEST, ...SHARED, features: ALL }, true],
    ['a region nobody can see', { ...REQUEST, ...SHARED }, undefined],
  ])('takes %s', (_, frame, hasDescriptor) => {
    expect(checkRequest(frame, hasDescriptor)).toBe('request');
  });

  it.each([
    ['an answer', ACCEPT, false],
    ['a refusal', REJECT, false],
    ['an unknown feature', { ...REQUEST, features: 8 }, false],
    ['a negative range of versions', { ...REQUEST, versionMin: 3, versionMax: 2 }, false],
    ['a descriptor without a region', REQUEST, true],
    ['a region without a descriptor', { ...REQUEST, ...SHARED }, false],
    ['a layout without a region', { ...REQUEST, layoutHash: LAYOUT_HASH }, false],
    ['a size without a region', { ...REQUEST, regionBytes: 4096 }, false],
    ['a ring of no power of two', { ...REQUEST, ...SHARED, regionBytes: 5000 }, true],
  ])('throws PROTOCOL_ERROR for %s', (_, frame, hasDescriptor) => {
    expect(codeOf(() => checkRequest(frame, hasDescriptor))).toBe('PROTOCOL_ERROR');
  });

  it('says nothing of the features of other versions', () => {
    const later = { ...REQUEST, versionMin: 200, versionMax: 255, features: 0xff00 };
    expect(checkRequest(later, true)).toBe('otherVersions');
  });
});

describe('checkAnswer()', () => {
  it.each([
    ['ACCEPT', ACCEPT, 0, 'accepted'],
    ['ACCEPT without what was asked', ACCEPT, ALL, 'accepted'],
    ['ACCEPT with a feature that was asked', { ...ACCEPT, features: 4 }, 4, 'accepted'],
    ['REJECT', REJECT, ALL, 'rejected'],
    ['the refusal of another version', { ...REJECT, versionMin: 1, versionMax: 1 }, 0, 'rejected'],
  ])('takes %s', (_, frame, asked, event) => {
    expect(checkAnswer(frame, asked, false)).toBe(event);
  });

  it.each([
    ['a request', REQUEST, ALL, false],
    [
      'a feature that was not asked',
      { ...ACCEPT, features: FEATURE.HANDOVER },
      FEATURE.QUICK,
      false,
    ],
    ['a feature of a refusal', { ...REJECT, features: FEATURE.QUICK }, ALL, false],
    ['a descriptor of a refusal', REJECT, ALL, true],
    ['a descriptor without a region', ACCEPT, ALL, true],
    ['a region without a descriptor', { ...ACCEPT, ...SHARED }, ALL, false],
    ['a region of another layout', { ...ACCEPT, ...SHARED, layoutHash: 1 }, ALL, true],
  ])('throws PROTOCOL_ERROR for %s', (_, frame, asked, hasDescriptor) => {
    expect(codeOf(() => checkAnswer(frame, asked, hasDescriptor))).toBe('PROTOCOL_ERROR');
  });
});
