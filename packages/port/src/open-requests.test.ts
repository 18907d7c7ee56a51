import type { MessageId } from '@portcall/wire';
import { describe, expect, it } from 'vitest';

import { IncomingRequest, noExtras } from './incoming-request.js';
import { OpenRequests } from './open-requests.js';
import { REQUEST_SLOTS_MAX } from './pending-requests.js';

function request(id: number): IncomingRequest {
  return new IncomingRequest(id as MessageId, noExtras(0));
}

describe('OpenRequests', () => {
  it('finds a request by its id, until it is removed', () => {
    const open = new OpenRequests();
    const one = request(7);
    expect(open.find(7)).toBeUndefined();
    expect(open.add(one)).toBe(true);
    expect(open.find(7)).toBe(one);
    expect(open.find(7 + REQUEST_SLOTS_MAX)).toBeUndefined();
    open.remove(one);
    open.remove(one);
    expect(open.find(7)).toBeUndefined();
    expect(open.count).toBe(0);
  });

  it('refuses an id that is outstanding, or shares a slot with one', () => {
    const open = new OpenRequests();
    open.add(request(7));
    expect(open.add(request(7))).toBe(false);
    expect(open.add(request(7 + REQUEST_SLOTS_MAX))).toBe(false);
    expect(open.count).toBe(1);
    expect(open.add(request(8))).toBe(true);
  });

  it('does not remove another request of the same slot', () => {
    const open = new OpenRequests();
    const one = request(7);
    open.add(one);
    open.remove(request(7));
    expect(open.find(7)).toBe(one);
  });

  it('takes ids of the upper half', () => {
    const open = new OpenRequests();
    for (const id of [2 ** 31, 2 ** 32 - 1, 2 ** 31 + 5]) {
      expect(open.add(request(id))).toBe(true);
      expect(open.find(id)?.id).toBe(id);
    }
  });

  it('holds no more than there are slots, whatever a peer sends', () => {
    const open = new OpenRequests();
    let added = 0;
    for (let id = 1; id < 3 * REQUEST_SLOTS_MAX; id++) if (open.add(request(id))) added++;
    expect(added).toBe(REQUEST_SLOTS_MAX);
  });

  it('gives all out once', () => {
    const open = new OpenRequests();
    const all = [request(1), request(2), request(3)];
    for (const one of all) open.add(one);
    expect(open.takeAll()).toEqual(all);
    expect(open.takeAll()).toEqual([]);
    expect(open.count).toBe(0);
    expect(open.add(request(1))).toBe(true);
  });
});
