import { describe, expect, it } from 'vitest';
import { methodIdOf, SERVICE_UUID_NAMESPACE, uuidV5 } from './identity.js';

describe('uuidV5()', () => {
  it('gives the example of RFC 9562, appendix A.4', () => {
    const dns = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
    expect(uuidV5('www.example.com', dns)).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });

  it('keeps the identity of services: the namespace never changes', () => {
    expect(uuidV5('acme.Greeter', SERVICE_UUID_NAMESPACE)).toBe(
      'e7a56639-7c5d-522b-b582-081ac427c476',
    );
  });
});

describe('methodIdOf()', () => {
  it.each([
    ['a', 0xe40c292c],
    ['foobar', 0xbf9cf968],
  ])('gives the FNV-1a hash of %j', (name, hash) => {
    expect(methodIdOf(name)).toBe(hash);
  });
});
