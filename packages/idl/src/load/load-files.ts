import { existsSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import type { Findings } from '../diagnostics/findings.js';
import { SourceFile } from '../diagnostics/source-file.js';
import { type ParsedFile, parseFile } from '../syntax/parse-file.js';
import type { ImportNode } from '../syntax/tree.js';
import {
  displayPath,
  findImport,
  type FoundProto,
  importNameOf,
  isCleanImportName,
  readProto,
  shippedProtoPaths,
} from './proto-path.js';

/** The file that options are described by; always loaded, though written out only when imported. */
export const DESCRIPTOR_PROTO = 'google/protobuf/descriptor.proto';

/** What to load. */
export interface LoadRequest {
  /** Files as given by the user, globs expanded. */
  readonly files: readonly string[];
  /** Folders that imports are searched in, before the shipped ones. */
  readonly protoPaths: readonly string[];
  /** Folder that relative paths are relative to. */
  readonly cwd: string;
}

/** All files that were read. */
export interface LoadedFiles {
  /** By import name; every file comes behind the files that it imports. */
  readonly byName: ReadonlyMap<string, ParsedFile>;
  /** Import names of the files that the user gave, sorted. */
  readonly requested: readonly string[];
}

/** Reads the requested files and everything that they import. Problems become findings. */
export function loadFiles(request: LoadRequest, findings: Findings): LoadedFiles {
  const loader = new Loader(request, findings);
  const named = request.files.flatMap((file) => loader.nameRequested(file) ?? []);
  // The output must not depend on the order of the arguments.
  const inOrder = named.toSorted((a, b) => (a.importName < b.importName ? -1 : 1));
  for (const { path, importName } of inOrder) loader.load(path, importName);
  loader.loadDescriptorProto();
  const requested = [...new Set(inOrder.map(({ importName }) => importName))];
  return { byName: loader.byName, requested };
}

class Loader {
  readonly byName = new Map<string, ParsedFile>();
  readonly #loading: string[] = [];
  readonly #failed = new Set<string>();
  readonly #folders: readonly string[];
  readonly #cwd: string;
  readonly #findings: Findings;

  constructor(request: LoadRequest, findings: Findings) {
    this.#cwd = request.cwd;
    this.#findings = findings;
    const own = request.protoPaths.map((folder) => resolve(request.cwd, folder));
    this.#folders = [...own, ...shippedProtoPaths()];
  }

  nameRequested(file: string): FoundProto | undefined {
    const path = resolve(this.#cwd, file);
    if (!existsSync(path)) {
      this.#findings.addGeneral(file, {
        text: 'Cannot read file: it does not exist',
        hint: `Paths are relative to ${this.#cwd}`,
      });
      return undefined;
    }
    const importName = importNameOf(path, this.#folders);
    if (importName === undefined) {
      this.#findings.addGeneral(file, {
        text: 'Cannot name file: it is in no folder of the proto path',
        hint: `Give the folder that imports start from, for example -I ${dirname(file)}`,
      });
      return undefined;
    }
    const shadow = findImport(importName, this.#folders);
    if (shadow !== undefined && resolve(shadow.path) !== path) {
      this.#findings.addGeneral(file, {
        text: `Cannot load file: an import of "${importName}" finds ${shadow.path} first`,
        hint: 'Put the folder of this file in front of the other one with -I',
      });
      return undefined;
    }
    return { path, importName };
  }

  loadDescriptorProto(): void {
    const found = findImport(DESCRIPTOR_PROTO, this.#folders);
    if (found !== undefined) this.load(found.path, DESCRIPTOR_PROTO);
  }

  load(path: string, importName: string): void {
    if (this.byName.has(importName) || this.#failed.has(importName)) return;
    const shown = displayPath(path, this.#cwd);
    const source = new SourceFile({ importName, displayPath: shown }, readProto(path));
    const parsed = parseFile(source, this.#findings);
    if (parsed === undefined) {
      this.#failed.add(importName);
      return;
    }
    this.#loading.push(importName);
    for (const node of parsed.imports) this.#loadImport(node, parsed);
    this.#loading.pop();
    this.byName.set(importName, parsed);
  }

  #loadImport(node: ImportNode, importer: ParsedFile): void {
    const name = node.path.text;
    if (this.#loading.includes(name)) {
      const cycle = [...this.#loading.slice(this.#loading.indexOf(name)), name].join(' -> ');
      this.#findings.add(importer.source, node.path.start, {
        text: `Cannot import "${name}": the imports form a cycle, ${cycle}`,
        hint: 'Move what both files need to a third one',
      });
      return;
    }
    const found = findImport(name, this.#folders);
    if (found !== undefined) {
      this.load(found.path, name);
      return;
    }
    // Imports with `option` only bring options along, and protoc lets them be missing too.
    if (node.modifier === 'option') return;
    const clean = isCleanImportName(name);
    this.#findings.add(importer.source, node.path.start, {
      text: clean
        ? `Cannot import "${name}": no such file in the proto path`
        : `Cannot import "${name}": wanted a path with / that has no empty part, "." or ".."`,
      hint:
        `Searched in ${this.#folders.map((folder) => this.#show(folder)).join(', ')}; add ` +
        `a folder with -I`,
    });
  }

  #show(folder: string): string {
    const fromCwd = relative(this.#cwd, folder);
    if (fromCwd === '') return '.';
    const isShipped = shippedProtoPaths().includes(folder);
    return isShipped ? 'the shipped files' : fromCwd.split(sep).join('/');
  }
}
