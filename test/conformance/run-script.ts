// Runs the commands of one script against an executor. One verdict per assertion, and one for every other command
// that failed (a module that did not instantiate, a call outside an assertion that threw).
import { AssemblyError, assemble } from './assembler.ts';
import { readGlobal } from './bridge.ts';
import { type Compiled, classifyFailure, type Executor, type Failure, type Instance, trapMatches } from './executor.ts';
import { type Action, type Command, isAssertion, type ModuleSource } from './script.ts';
import { instantiateSpectest } from './spectest.ts';
import { formatExpected, formatValue, matches, type Value } from './value.ts';
import type { Verdict } from './verdict.ts';

class Mismatch extends Error {}
class Unsupported extends Error {}

export async function runScript(commands: readonly Command[], executor: Executor): Promise<Verdict[]> {
  const run = new ScriptRun(executor);
  await run.start();
  return runCommands(commands, run);
}

async function runCommands(commands: readonly Command[], run: ScriptRun): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const command of commands) {
    const { line, kind } = command;
    const message = 'message' in command ? command.message : '';
    try {
      if (command.kind === 'thread') {
        // At once and to its end: one of the schedules that a script must allow.
        verdicts.push(...(await runCommands(command.commands, await run.startThread(command.shared))));
        continue;
      }
      await run.execute(command);
      if (isAssertion(command)) verdicts.push({ line, kind, message, status: 'pass', detail: '' });
    } catch (error) {
      const status = error instanceof Unsupported ? 'skip' : 'fail';
      const detail = error instanceof Error ? `${error.name}: ${error.message}` : `threw ${String(error)}`;
      verdicts.push({ line, kind, message, status, detail: detail.replace(/^(Mismatch|Unsupported|Error): /, '') });
    }
  }
  return verdicts;
}

class ScriptRun {
  readonly #executor: Executor;
  readonly #definitions = new Map<string, Compiled>();
  readonly #instances = new Map<string, Instance>();
  readonly #registered: Record<string, Readonly<Record<string, unknown>>> = {};
  #lastDefinition: Compiled | undefined;
  #current: Instance | undefined;

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  async start(): Promise<void> {
    this.#registered['spectest'] = await instantiateSpectest(() => this.#executor.onHostCall());
  }

  /** A thread has names of its own, and knows only the modules it is given. */
  async startThread(shared: readonly string[]): Promise<ScriptRun> {
    const thread = new ScriptRun(this.#executor);
    await thread.start();
    for (const name of shared) thread.#instances.set(name, this.#instance(name));
    return thread;
  }

  async execute(command: Command): Promise<void> {
    switch (command.kind) {
      case 'module':
        this.#current = undefined;
        this.#add(command.name, await this.#instantiate(command.source));
        return;
      case 'module_definition':
        this.#lastDefinition = await this.#executor.compile(await assemble(command.source));
        if (command.name !== undefined) this.#definitions.set(command.name, this.#lastDefinition);
        return;
      case 'module_instance': {
        const definition =
          command.definition === undefined ? this.#lastDefinition : this.#definitions.get(command.definition);
        if (definition === undefined) throw new Mismatch(`no module definition ${command.definition ?? ''}`);
        this.#add(command.name, await this.#executor.instantiate(definition, this.#registered));
        return;
      }
      case 'register':
        this.#registered[command.as] = this.#instance(command.module).exports;
        return;
      case 'action':
        await this.#act(command.action);
        return;
      case 'assert_return': {
        const values = await this.#act(command.action);
        const { expected } = command;
        if (values.length !== expected.length || !values.every((value, k) => matches(value, expected[k]!))) {
          throw new Mismatch(
            `${values.map(formatValue).join(' ')} instead of ${expected.map(formatExpected).join(' ')}`,
          );
        }
        return;
      }
      case 'assert_trap':
        return this.#mustFail(() => this.#act(command.action), 'trap', command.message);
      case 'assert_exhaustion':
        return this.#mustFail(() => this.#act(command.action), 'exhaustion', '');
      case 'assert_exception':
        return this.#mustFail(() => this.#act(command.action), 'exception', '');
      case 'assert_uninstantiable':
        return this.#mustFail(() => this.#instantiate(command.source), 'trap', command.message);
      case 'assert_unlinkable':
        return this.#mustFail(() => this.#instantiate(command.source), 'unlinkable', '');
      case 'assert_invalid':
      case 'assert_malformed':
        return this.#mustBeRefused(command.source, command.kind === 'assert_malformed');
      case 'thread':
      case 'wait':
        return;
      case 'unsupported':
        throw new Unsupported(`${command.what} is not supported`);
    }
  }

  #add(name: string | undefined, instance: Instance): void {
    this.#current = instance;
    if (name !== undefined) this.#instances.set(name, instance);
  }

  #instance(name: string | undefined): Instance {
    const instance = name === undefined ? this.#current : this.#instances.get(name);
    if (instance === undefined) throw new Mismatch(`no module ${name ?? 'before this'}`);
    return instance;
  }

  async #instantiate(source: ModuleSource): Promise<Instance> {
    const compiled = await this.#executor.compile(await assemble(source));
    return this.#executor.instantiate(compiled, this.#registered);
  }

  async #act(action: Action): Promise<Value[]> {
    const instance = this.#instance(action.module);
    if (action.kind === 'invoke') return this.#executor.invoke(instance, action.name, action.args);
    const global = instance.exports[action.name];
    const type = instance.globalTypes.get(action.name);
    if (!(global instanceof WebAssembly.Global) || type === undefined) throw new Mismatch(`no global ${action.name}`);
    return readGlobal(global, type.value, type.mutable);
  }

  async #mustFail(attempt: () => Promise<unknown>, failure: Failure, message: string): Promise<void> {
    let error: unknown;
    try {
      await attempt();
    } catch (thrown) {
      error = thrown;
    }
    if (error === undefined) throw new Mismatch(`no ${failure}`);
    if (error instanceof Mismatch || error instanceof AssemblyError || classifyFailure(error) !== failure) throw error;
    if (failure === 'trap' && !trapMatches(message, error)) {
      throw new Mismatch(`trap "${(error as Error).message}" instead of "${message}"`);
    }
  }

  async #mustBeRefused(source: ModuleSource, byAssemblerToo: boolean): Promise<void> {
    try {
      await this.#executor.compile(await assemble(source));
    } catch (error) {
      if (byAssemblerToo && error instanceof AssemblyError) return;
      if (classifyFailure(error) === 'invalid') return;
      throw error;
    }
    throw new Mismatch('the module was accepted');
  }
}
