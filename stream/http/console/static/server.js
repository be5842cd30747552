// Requests to the server, and the session they belong to.

export const session = { name: "", scopes: [], csrf: "" };

export function request(method, path, body) {
  return fetch(path, {
    method,
    headers: { "Content-Type": "application/json", "X-CSRF-Token": session.csrf },
    body: body && JSON.stringify(body),
  });
}

export async function problemText(response) {
  const problem = await response.json().catch(() => ({}));
  return problem.detail ?? `${response.status} ${response.statusText}`;
}
