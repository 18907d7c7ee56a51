import type { SymbolTable } from '../convert/symbol-table.js';
import type { Findings } from '../diagnostics/findings.js';
import type { TypeIndex } from '../options/type-index.js';
import type { ParsedFile } from '../syntax/parse-file.js';
import { checkEnum } from './enum-rules.js';
import { checkExtension, type ExtensionNumbers } from './extension-rules.js';
import { checkField } from './field-rules.js';
import { checkFeatureOptions, checkFile } from './file-rules.js';
import { checkMessage } from './message-rules.js';
import { RuleContext } from './rule-context.js';
import { checkTsNames } from './ts-name-rules.js';
import { visitFile } from './visit.js';

/** Checks everything that is good syntax and still no good protobuf, in all files. */
export function runRules(
  files: readonly ParsedFile[],
  all: { readonly symbols: SymbolTable; readonly types: TypeIndex; readonly findings: Findings },
): void {
  const extensionNumbers: ExtensionNumbers = new Map();
  for (const file of files) {
    const context = new RuleContext(file, all);
    checkFile(context);
    visitFile(context, {
      message: (message) => checkMessage(message, context),
      field: (field) => {
        checkField(field, context);
        checkExtension(field, context, extensionNumbers);
      },
      enum: (item) => checkEnum(item, context),
      options: (options) => checkFeatureOptions(options, context),
    });
  }
  // Names that clash in protobuf clash in TypeScript too, and are reported once.
  if (all.findings.count > 0) return;
  for (const file of files) checkTsNames(new RuleContext(file, all));
}
