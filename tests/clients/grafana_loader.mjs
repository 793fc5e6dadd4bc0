// Lets node load single files of Grafana's packages: what is not installed becomes a module of empty stand-ins with
// the names that its importer wants. A test that came to use one of them would fail at that place.
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** The names that the file at `importer` takes from `specifier`. */
function names(importer, specifier) {
  const source = readFileSync(fileURLToPath(importer), 'utf8');
  const found = new Set();
  const lists = new RegExp(`(?:import|export)\\s+(?:[\\w$]+\\s*,\\s*)?\\{([^}]*)\\}\\s*from\\s*['"]${escape(specifier)}['"]`, 'g');
  for (const [, list] of source.matchAll(lists)) {
    for (const item of list.split(',')) {
      const name = item.trim().split(/\s+as\s+/)[0];
      if (name && name !== 'default') found.add(name);
    }
  }
  const all = new RegExp(`import\\s+\\*\\s+as\\s+([\\w$]+)\\s+from\\s*['"]${escape(specifier)}['"]`, 'g');
  for (const [, name] of source.matchAll(all)) {
    for (const [, member] of source.matchAll(new RegExp(`\\b${escape(name)}\\.([\\w$]+)`, 'g'))) found.add(member);
  }
  found.delete('default');
  return [...found];
}

// The hooks run on a thread of their own, which loads this file too.
if (isMainThread) register(import.meta.url);

export async function resolve(specifier, context, next) {
  const wanted = () => names(context.parentURL, specifier).join(',');
  const bare = !/^[./]|^(file|node):/.test(specifier) && context.parentURL?.includes('@grafana');
  try {
    const found = await next(specifier, context);
    // Bundlers take any name from a CommonJS package, node only those that it can see.
    if (!bare || !found.url.startsWith('file:') || found.format === 'module' || found.url.endsWith('.mjs')) return found;
    return { url: `unpacked:${found.url}?${wanted()}`, format: 'module', shortCircuit: true };
  } catch (error) {
    if (!bare) throw error;
    return { url: `standin:${specifier}?${wanted()}`, format: 'module', shortCircuit: true };
  }
}

export async function load(url, context, next) {
  const [, kind, name, list] = /^(standin|unpacked):(.*)\?(.*)$/.exec(url) ?? [];
  if (!kind) return next(url, context);
  const wanted = list.split(',').filter(Boolean);
  const lines =
    kind === 'standin'
      ? [
          'const it = new Proxy(function () {}, {',
          '  get: (_, key) => (key === Symbol.toPrimitive ? () => "" : it), apply: () => it, construct: () => it });',
        ]
      : [
          `import { createRequire } from 'node:module';`,
          `const it = createRequire(${JSON.stringify(name)})(${JSON.stringify(fileURLToPath(name))});`,
        ];
  // A reserved word cannot be a variable, but it can be exported.
  const exports = wanted.map((name, i) => `const n${i} = it.${name}; export { n${i} as ${name} };`);
  return { format: 'module', shortCircuit: true, source: [...lines, 'export default it;', ...exports].join('\n') };
}
