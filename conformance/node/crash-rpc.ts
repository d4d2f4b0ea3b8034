/** The node was killed before it answered, or in the middle of it. */
export class Gone extends Error {
  override readonly name = 'Gone';
}

/** What a node answered that it does not do. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** Calls a method of a node. @throws {Gone} no whole answer came. @throws {Refusal} */
export const ask = async <T = unknown>(url: string, method: string, ...params: readonly unknown[]): Promise<T> => {
  let text: string;
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    text = await response.text();
  } catch (error) {
    throw new Gone(error instanceof Error ? error.message : String(error));
  }
  const { result, error } = JSON.parse(text) as { result?: T; error?: { message: string } };
  if (error !== undefined) throw new Refusal(`${method}: ${error.message}`);
  return result as T;
};
