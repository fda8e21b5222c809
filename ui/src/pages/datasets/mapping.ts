// Which column plays which role, as the address of the page holds it: role=column pairs after one another.
export type Pairs = Record<string, string>;

export function parsePairs(text: string | undefined): Pairs {
  const pairs: Pairs = {};
  for (const one of (text ?? "").split(",")) {
    const at = one.indexOf("=");
    if (at > 0 && at < one.length - 1) pairs[one.slice(0, at).trim()] = one.slice(at + 1);
  }
  return pairs;
}

export const pairsText = (pairs: Pairs): string =>
  Object.entries(pairs)
    .map(([role, column]) => `${role}=${column}`)
    .join(",");

/** Give a role a column; the column that is called like the role needs no word. */
export function give(pairs: Pairs, role: string, column: string): Pairs {
  const { [role]: _before, ...others } = pairs;
  return column === role || !column ? others : { ...others, [role]: column };
}

/** The mapping as a recipe writes it. */
export const asRecipe = (pairs: Pairs): string =>
  Object.keys(pairs).length ? `data:\n  columns:\n${Object.entries(pairs).map(([role, column]) => `    ${role}: ${JSON.stringify(column)}`).join("\n")}` : "";
