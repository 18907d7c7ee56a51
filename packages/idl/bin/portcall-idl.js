#!/usr/bin/env node
// oxlint-disable-next-line import/no-unassigned-import -- The command is what the import does.
import '../dist/cli.js';
