/**
 * The JSON name that a field has unless it sets one: `a_bc_d` gives `aBcD`. Source: protoc's
 * `ToJsonName`.
 */
export function defaultJsonName(fieldName: string): string {
  let result = '';
  let upperNext = false;
  for (const character of fieldName) {
    if (character === '_') upperNext = true;
    else {
      result += upperNext ? upperAscii(character) : character;
      upperNext = false;
    }
  }
  return result;
}

/** Name of the nested message that stands for a map field: `a_bc` gives `ABcEntry`. */
export function mapEntryName(fieldName: string): string {
  return `${defaultJsonName(`_${fieldName}`)}Entry`;
}

/** Joins a scope and a name; the empty scope is the outermost. */
export function join(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`;
}

function upperAscii(character: string): string {
  return /[a-z]/.test(character) ? character.toUpperCase() : character;
}
