// Runs statemachine.asl.json as Step Functions would, with the jsonata that asl-validator brings:
// only the states and fields that it has, and an error for any other, so that a new one
// is not ignored. Waits are instant, and each case sets the functions' answers.
//
// usage: node machine.cjs JSONATA-FOLDER MACHINE.json
const assert = require("node:assert");
const fs = require("node:fs");
const jsonata = require(process.argv[2]);
const machine = JSON.parse(fs.readFileSync(process.argv[3], "utf8"));

async function evaluate(value, states, variables) {
  if (Array.isArray(value)) return Promise.all(value.map((v) => evaluate(v, states, variables)));
  if (value !== null && typeof value === "object") {
    const made = {};
    for (const [name, v] of Object.entries(value)) made[name] = await evaluate(v, states, variables);
    return made;
  }
  if (typeof value !== "string" || !value.startsWith("{%")) return value;
  const result = await jsonata(value.slice(2, -2)).evaluate({}, { ...variables, states });
  assert(result !== undefined, `${value} gives nothing`);
  return JSON.parse(JSON.stringify(result));
}

const known = {
  Map: ["Items", "ItemSelector", "MaxConcurrency", "ItemProcessor"],
  Task: ["Resource", "Arguments", "TimeoutSeconds", "Retry", "Catch"],
  Choice: ["Choices", "Default"],
  Wait: ["Seconds"],
  Pass: [],
  Fail: ["Error", "Cause"],
  Succeed: [],
};

async function run(definition, input, context, world) {
  const variables = {};
  for (let name = definition.StartAt; ; ) {
    const state = definition.States[name];
    assert(state, `there is no state ${name}`);
    for (const field of Object.keys(state)) {
      assert(["Type", "Comment", "Next", "End", "Assign", "Output", ...known[state.Type]].includes(field), `${name}: ${field} is not known here`);
    }
    const states = { input, context };
    let output = input;
    let assign = state.Assign;
    let next = state.Next;
    switch (state.Type) {
      case "Map": {
        const items = await evaluate(state.Items, states, variables);
        assert(Array.isArray(items), "Items is no array");
        output = [];
        for (const [Index, Value] of items.entries()) {
          const item = { ...context, Map: { Item: { Index, Value } } };
          const selected = await evaluate(state.ItemSelector, { input, context: item }, variables);
          output.push((await run(state.ItemProcessor, selected, item, world)).output);
        }
        break;
      }
      case "Task": {
        const asked = await evaluate(state.Arguments, states, variables);
        try {
          states.result = { Payload: world.answer(asked) };
          output = states.result;
        } catch (error) {
          assert(error.name === "Answered", error);
          states.errorOutput = { Error: error.message, Cause: "" };
          ({ Assign: assign, Next: next } = state.Catch[0]);
        }
        break;
      }
      case "Choice":
        next = state.Default;
        for (const choice of state.Choices) {
          if ((await evaluate(choice.Condition, states, variables)) === true) {
            next = choice.Next;
            break;
          }
        }
        break;
      case "Wait":
        world.waited += await evaluate(state.Seconds, states, variables);
        break;
      case "Fail":
        return { failed: state.Error, cause: await evaluate(state.Cause, states, variables) };
      case "Succeed":
        return { output };
      case "Pass":
        break;
      default:
        assert.fail(`the type ${state.Type} is not known here`);
    }
    const assigned = assign ? await evaluate(assign, states, variables) : {};
    if (state.Output) output = await evaluate(state.Output, states, variables);
    Object.assign(variables, assigned);
    if (state.End) return { output };
    [input, name] = [output, next];
  }
}

// answers gives a world where each function answers with these, one after the other, and the last for ever.
function answers(byFunction) {
  const world = { asked: [], waited: 0 };
  const left = structuredClone(byFunction);
  world.answer = ({ FunctionName, Payload }) => {
    const name = FunctionName.replace(/.*-/, "");
    world.asked.push({ name, ...Payload });
    const state = left[name].length > 1 ? left[name].shift() : left[name][0];
    if (state === "error") throw Object.assign(new Error("denied"), { name: "Answered" });
    return { complete: state === "done" || state === "already", accounts: [{ account: Payload.account, state }] };
  };
  return world;
}

const context = { Execution: { StartTime: "2026-11-22T01:05:00.123Z" } };
const cases = [
  {
    name: "both go on until they are done",
    input: { watch: "now", scheduled_time: "2026-11-22T01:05:00Z" },
    answers: { credit: ["going_on", "going_on", "done"], tags: ["done"] },
    check: (end, world) => {
      assert.deepEqual(end.output.map((o) => [o.complete, o.tries]), [[true, 3], [true, 1]]);
      assert.equal(world.waited, 10);
      assert(world.asked.every((a) => a.scheduled_time === "2026-11-22T01:05:00Z" && a.watch === "now" && a.account === "all"));
    },
  },
  {
    name: "one run by hand, from an empty input",
    input: {},
    answers: { credit: ["already"], tags: ["error", "incomplete", "done"] },
    check: (end, world) => {
      assert.deepEqual(end.output.map((o) => o.tries), [1, 3]);
      assert.equal(world.waited, 600);
      assert(world.asked.every((a) => a.scheduled_time === "2026-11-22T01:05:00.123Z"));
    },
  },
  {
    name: "one that never finishes does not stop the other, and is reported",
    input: { watch: "2026-11-20" },
    answers: { credit: ["error"], tags: ["done"] },
    check: (end, world) => {
      assert.equal(end.failed, "NotComplete");
      assert.match(end.cause, /all after 40 tries \(denied\)/);
      assert.equal(world.asked.filter((a) => a.name === "credit").length, 40);
      assert.equal(world.asked.at(-1).name, "tags");
      assert(world.asked.every((a) => a.watch === "2026-11-20"));
    },
  },
];

(async () => {
  for (const c of cases) {
    const world = answers(c.answers);
    const end = await run(machine, c.input, context, world);
    try {
      c.check(end, world);
    } catch (error) {
      console.error(`the state machine, ${c.name}:`, JSON.stringify(end), error.message);
      process.exit(1);
    }
  }
  // One function left out, several accounts of the other.
  const items = machine.States["Every account"].Items;
  for (const [from, to, want] of [
    [/arn:[^']*-tags/g, "", [["credit", "all"]]],
    [/'all'/, "'north,south'", [["credit", "north"], ["credit", "south"], ["tags", "all"]]],
  ]) {
    const got = await evaluate(items.replace(from, to), {}, {});
    assert(Array.isArray(got));
    assert.deepEqual(got.map((i) => [i.function.replace(/.*-/, ""), i.account]), want);
  }
})();
