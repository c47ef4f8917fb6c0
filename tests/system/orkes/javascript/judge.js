// The published client against a running product.
//
//     node judge.js FRONT BACK PREFIX
//
// People use the gateway FRONT, workers the gateway BACK; PREFIX begins every name that is made.
// One line of JSON for each scenario, {"scenario", "error"}: the error is null if all was well.
import assert from "node:assert/strict";
import {
  OrkesClients,
  TaskManager,
  createConductorClient,
  humanTask,
  noopLogger,
  setVariableTask,
  simpleTask,
  switchTask,
  taskDefinition,
  terminateTask,
  workflow,
} from "@io-orkes/conductor-javascript";

const [front, back, prefix] = process.argv.slice(2);
const UNKNOWN = "00000000-0000-1000-8000-000000000000";
const DEMO = { userType: "CONDUCTOR_USER", user: "demo" };
const JANE = { userType: "CONDUCTOR_USER", user: "jane" };
const ABC = { userType: "EXTERNAL_GROUP", user: "abc" };
const FORM = {
  jsonSchema: {
    $schema: "http://json-schema.org/draft-07/schema",
    type: "object",
    properties: { ok: { type: "boolean" }, note: { type: "string" } },
    required: ["ok"],
  },
  templateUI: {
    type: "VerticalLayout",
    elements: [{ type: "Control", scope: "#/properties/ok", label: "All right?" }],
  },
};

class Clients {
  // The client's own transport, or `fetch` in its place.
  static async of(serverUrl, fetch) {
    const client = await createConductorClient({ serverUrl, logger: noopLogger }, fetch);
    // Its executors drop the status of an error, so that it is taken down here.
    client.interceptors.response.use((response) => {
      made.status = response.status;
      return response;
    });
    const made = new Clients();
    const clients = new OrkesClients(client);
    made.client = client;
    made.human = clients.getHumanClient();
    made.templates = clients.getTemplateClient();
    made.metadata = clients.getMetadataClient();
    made.workflows = clients.getWorkflowClient();
    made.tasks = clients.getTaskClient();
    return made;
  }

  // A running workflow of one human task, and the task.
  async humanTask(name, definition = {}, input = {}) {
    const task = humanTask("check_ref");
    task.name = "check";
    task.inputParameters = { ...input, __humanTaskDefinition: definition };
    await this.metadata.registerWorkflowDef(workflow(prefix + name, [task]), true);
    const workflowId = await this.workflows.startWorkflow({ name: prefix + name, version: 1 });
    const [found] = await this.human.pollSearch({ workflowIds: [workflowId] });
    assert.ok(found, "the human task is found");
    return found;
  }

  // The message of a refusal, which must have this status.
  async refused(status, promise) {
    const error = await promise.then(
      () => assert.fail("nothing was refused"),
      (error) => error,
    );
    assert.ok(!(error instanceof assert.AssertionError), error.message);
    assert.equal(this.status, status, error.message);
    return error.message;
  }
}

const assigned = (...assignees) => ({
  assignments: assignees.map((assignee) => ({ assignee, slaMinutes: 0 })),
});

// From registration to the end of a workflow, with a worker of the same client.
async function wholeWay(people, worker) {
  const types = [`${prefix}score`, `${prefix}pay`];
  await people.metadata.registerTasks(types.map((name) => taskDefinition({ name })));
  const approve = humanTask("approve_ref", {
    displayName: "Approve ${workflow.input.customer}",
    assignee: ABC,
    formTemplate: undefined,
  });
  approve.inputParameters.score = "${score_ref.output.score}";
  const definition = workflow(`${prefix}loan`, [
    simpleTask("score_ref", types[0], { customer: "${workflow.input.customer}" }),
    setVariableTask("keep_ref", { score: "${score_ref.output.score}" }),
    switchTask("which_ref", "${score_ref.output.good}", { true: [approve] }, [
      terminateTask("stop_ref", "FAILED", "a bad score"),
    ]),
    simpleTask("pay_ref", types[1], { by: "${approve_ref.output.by}" }),
  ]);
  definition.outputParameters = {
    score: "${workflow.variables.score}",
    by: "${pay_ref.output.by}",
  };
  await people.workflows.registerWorkflow(true, definition);

  const work = {
    [types[0]]: ({ customer }) => ({ score: 7, good: customer !== "mallory" }),
    [types[1]]: ({ by }) => ({ by }),
  };
  const workers = types.map((taskDefName) => ({
    taskDefName,
    execute: async (task) => ({
      status: "COMPLETED",
      outputData: work[taskDefName](task.inputData),
    }),
  }));
  const options = { pollInterval: 50, concurrency: 1 };
  const manager = new TaskManager(worker.client, workers, { options, logger: noopLogger });
  manager.startPolling();
  try {
    const request = { name: definition.name, version: 1, correlationId: "order 5" };
    const id = await people.workflows.startWorkflow({ ...request, input: { customer: "alice" } });
    const bad = await people.workflows.startWorkflowByName(definition.name, {
      customer: "mallory",
    });

    const filter = { workflowIds: [id], states: ["ASSIGNED"] };
    const [task] = await people.human.pollSearch(filter, { pollInterval: 50, maxPollTimes: 400 });
    assert.ok(task, "the worker has done the task before the human task");
    assert.equal(task.displayName, "Approve alice");
    assert.equal(task.input.score, 7);
    assert.deepEqual(task.assignee, ABC);
    const claimed = await people.human.claimTaskAsExternalUser(task.taskId, "bob@example.org");
    const bob = { userType: "EXTERNAL_USER", user: "bob@example.org" };
    assert.deepEqual(claimed.claimant, bob);
    await people.human.updateTaskOutput(task.taskId, { note: "nearly", by: "nobody" });
    await people.human.completeTask(task.taskId, { by: "bob" });

    const done = await ended(people, id);
    assert.equal(done.status, "COMPLETED");
    assert.deepEqual(done.output, { score: 7, by: "bob" });
    assert.equal(done.correlationId, "order 5");
    assert.deepEqual(
      done.tasks.map((each) => [each.referenceTaskName, each.taskType, each.status]),
      [
        ["score_ref", types[0], "COMPLETED"],
        ["keep_ref", "SET_VARIABLE", "COMPLETED"],
        ["which_ref", "SWITCH", "COMPLETED"],
        ["approve_ref", "HUMAN", "COMPLETED"],
        ["pay_ref", types[1], "COMPLETED"],
      ],
    );
    assert.deepEqual((await people.human.getTaskById(task.taskId)).output, {
      note: "nearly",
      by: "bob",
    });
    const failed = await ended(people, bad);
    assert.equal(failed.status, "FAILED");
    assert.equal(failed.reasonForIncompletion, "a bad score");
  } finally {
    await manager.stopPolling();
  }
}

async function ended(people, workflowId) {
  for (;;) {
    const seen = await people.workflows.getWorkflow(workflowId, true);
    if (seen.status !== "RUNNING") return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const scenarios = {
  "a workflow with a worker and a person": (people, worker) => wholeWay(people, worker),

  "a person's work without undici": async () => {
    const people = await Clients.of(`${front}/api/`, (...request) => fetch(...request));
    const task = await people.humanTask("fetch", assigned(DEMO));
    await people.human.claimTaskAsConductorUser(task.taskId);
    await people.human.updateTaskOutput(task.taskId, { a: 1 });
    await people.human.completeTask(task.taskId);
    const done = await people.human.getTaskById(task.taskId);
    assert.deepEqual([done.state, done.output], ["COMPLETED", { a: 1 }]);
  },

  "every way to search": async (people) => {
    const definition = { ...assigned(JANE, ABC), displayName: `${prefix} Café` };
    const input = { packet: `${prefix}abc`, amount: 5 };
    const { taskId, workflowId } = await people.humanTask("search", definition, input);
    const mine = { workflowNames: [`${prefix}search`] };
    const found = async (filter) =>
      (await people.human.search({ ...mine, ...filter })).map((each) => each.taskId);
    const filters = [
      { workflowIds: [workflowId] },
      { states: ["PENDING", "ASSIGNED"] },
      { assignees: [JANE] },
      { assignees: [{ userType: "CONDUCTOR_USER", user: "ja*" }] },
      { definitionNames: ["check"], taskRefNames: ["check_ref"] },
      { displayNames: [`${prefix} Café`] },
      { taskInputQuery: `packet = "${prefix}abc" AND amount IN (4, 5)` },
      { fullTextQuery: `${prefix}abc` },
      { updateStartTime: 0, updateEndTime: Date.now() + 60_000 },
      { searchType: "ADMIN", start: 0, size: 1 },
    ];
    for (const each of filters) {
      assert.deepEqual(await found(each), [taskId], JSON.stringify(each));
    }
    const others = [
      { states: ["COMPLETED"] },
      { assignees: [ABC] },
      { claimants: [DEMO] },
      { taskInputQuery: 'packet = "abd"' },
      { taskOutputQuery: "ok = true" },
      { searchType: "INBOX" },
      { start: 1 },
    ];
    for (const each of others) assert.deepEqual(await found(each), [], JSON.stringify(each));
    const byFilter = (...rest) =>
      people.human.getTasksByFilter("ASSIGNED", "jane", "CONDUCTOR_USER", ...rest);
    const query = `packet = ${prefix}abc`;
    const [one] = await byFilter(undefined, "check_ref", query);
    assert.equal(one.taskId, taskId);
    assert.deepEqual(await byFilter("CONDUCTOR_USER:demo", "check_ref", query), []);
    const quickly = { pollInterval: 10, maxPollTimes: 2 };
    assert.deepEqual(await people.human.pollSearch({ workflowIds: [UNKNOWN] }, quickly), []);
    assert.equal(one.humanTaskDef, undefined);
    const page = await people.client.humanTask.search(mine);
    assert.deepEqual([page.totalHits, page.hits, page.start], [1, 1, 0]);
  },

  "claims by a Conductor user": async (people) => {
    const form = { name: `${prefix} form`, ...FORM };
    await people.templates.registerTemplate(form);
    const definition = { ...assigned(JANE), userFormTemplate: { name: form.name, version: 0 } };
    const { taskId } = await people.humanTask("claim", definition);
    const claim = (options) => people.human.claimTaskAsConductorUser(taskId, options);
    assert.match(await people.refused(400, claim()), /claim it with overrideAssignment=true/);

    const claimed = await claim({ overrideAssignment: true, withTemplate: true });
    assert.deepEqual([claimed.state, claimed.assignee], ["IN_PROGRESS", DEMO]);
    assert.deepEqual(claimed.claimant, DEMO);
    assert.deepEqual(claimed.humanTaskDef.assignments, assigned(JANE).assignments);
    assert.deepEqual(claimed.humanTaskDef.fullTemplate.jsonSchema, form.jsonSchema);
    assert.deepEqual(claimed.humanTaskDef.fullTemplate.templateUI, form.templateUI);
    assert.match(await people.refused(400, claim()), /already claimed by demo/);
    assert.match(
      await people.refused(400, claim({ overrideAssignment: true })),
      /already claimed by demo/,
    );

    await people.human.releaseTask(taskId);
    assert.match(await people.refused(400, people.human.releaseTask(taskId)), /is not claimed/);
    const released = await people.human.getTaskById(taskId);
    assert.deepEqual([released.state, released.assignee], ["ASSIGNED", JANE]);
    assert.equal(released.claimant, undefined);
    const without = await claim({ overrideAssignment: true, withTemplate: false });
    assert.equal(without.humanTaskDef.fullTemplate, undefined);

    const update = { note: 5 };
    const wrong = await people.refused(400, people.human.updateTaskOutput(taskId, update));
    assert.match(wrong, /note/);
    const missing = await people.refused(400, people.human.completeTask(taskId, { note: "a" }));
    assert.match(missing, /ok/);
    await people.human.completeTask(taskId, { ok: true });
    const again = people.human.completeTask(taskId, { ok: true });
    await people.refused(400, again);
  },

  "claims for an external user": async (people) => {
    const { taskId } = await people.humanTask("external", assigned(JANE));
    const user = "zoë/d'or@example.org";
    const claim = (options) => people.human.claimTaskAsExternalUser(taskId, user, options);
    assert.match(await people.refused(400, claim({})), /overrideAssignment=true/);
    const claimed = await claim({ overrideAssignment: true });
    const zoe = { userType: "EXTERNAL_USER", user };
    assert.deepEqual([claimed.assignee, claimed.claimant], [zoe, zoe]);
    const found = await people.human.search({ claimants: [zoe], states: ["IN_PROGRESS"] });
    assert.ok(found.some((each) => each.taskId === taskId));
  },

  "what only the deprecated client can": async (people) => {
    const human = people.client.humanTask;
    const { taskId, workflowId } = await people.humanTask("old", assigned(JANE, ABC));
    const assignee = async () => (await human.getTask1(taskId)).assignee;
    await human.skipTask(taskId, "on holiday");
    assert.deepEqual(await assignee(), ABC);
    await human.skipTask(taskId);
    assert.equal(await assignee(), undefined);
    await people.refused(400, human.skipTask(taskId));
    await human.reassignTask(taskId, assigned(DEMO).assignments);
    assert.deepEqual(await assignee(), DEMO);
    assert.deepEqual((await human.claimTask(taskId)).claimant, DEMO);
    await human.releaseTask(taskId);
    assert.equal((await human.assignAndClaim(taskId, "demo")).state, "IN_PROGRESS");
    await human.updateTaskOutput(taskId, { a: 1, b: 1 });
    const seen = await people.client.humanTaskResource.getConductorTaskById(taskId);
    assert.deepEqual([seen.taskId, seen.taskType, seen.status], [taskId, "HUMAN", "IN_PROGRESS"]);
    await human.updateTaskOutputByRef(workflowId, "check_ref", { b: 2 }, true);
    assert.deepEqual((await human.getTask1(taskId)).output, { a: 1, b: 2 });
    await people.refused(404, human.updateTaskOutputByRef(UNKNOWN, "check_ref", {}));

    const orphans = [await people.humanTask("old"), await people.humanTask("old")];
    await human.deleteTaskFromHumanTaskRecords1(orphans[0].taskId);
    await human.deleteTaskFromHumanTaskRecords([orphans[1].taskId]);
    for (const each of orphans) {
      assert.equal((await human.getTask1(each.taskId)).state, "DELETED");
    }
  },

  templates: async (people) => {
    const human = people.client.humanTask;
    const name = `${prefix} versions`;
    const first = await people.templates.registerTemplate({ name, ...FORM });
    const second = await people.templates.registerTemplate({ name, ...FORM }, true);
    assert.deepEqual([first.version, second.version], [1, 2]);
    const { version } = await people.human.getTemplateByNameVersion(name, 2);
    assert.equal(version, 2);
    assert.equal((await people.human.getTemplateById(name)).createTime, first.createTime);
    const versions = (await human.getAllTemplates(name)).map((each) => each.version);
    assert.deepEqual(versions, [2, 1]);
    await people.refused(404, people.human.getTemplateByNameVersion(name, 3));
    const more = [1, 2].map((number) => ({ name: `${name} ${number}`, ...FORM }));
    const saved = await human.saveTemplates(more);
    assert.deepEqual(saved.map((each) => each.name), more.map((each) => each.name));
    const definition = { ...assigned(DEMO), userFormTemplate: { name, version: 1 } };
    const { taskId } = await people.humanTask("form", definition);
    const shown = await human.getTemplateByNameAndVersion(name, 1);
    assert.equal(shown.version, 1);
    await human.deleteTemplatesByNameAndVersion(name, 1);
    await human.deleteTemplateByName(name);
    await people.refused(404, human.getAllTemplates(name));
  },

  "task results without a worker": async (people) => {
    const type = `${prefix}manual`;
    await people.metadata.registerTask(
      taskDefinition({ name: type, retryCount: 1, retryDelaySeconds: 0 }),
    );
    assert.equal((await people.metadata.getTask(type)).retryCount, 1);
    const task = simpleTask("manual_ref", type, {});
    await people.metadata.registerWorkflowDef(workflow(`${prefix}results`, [task]), true);
    const start = () => people.workflows.startWorkflowByName(`${prefix}results`, {});
    const id = await start();
    await people.tasks.updateTaskResult(id, "manual_ref", "COMPLETED", { a: 1 });
    const done = await people.workflows.getExecution(id);
    assert.equal(done.status, "COMPLETED");
    const [{ taskId, outputData }] = done.tasks;
    assert.deepEqual(outputData, { outputData: { a: 1 } });
    assert.equal((await people.tasks.getTask(taskId)).status, "COMPLETED");

    const failing = await start();
    const [polled] = await people.client.taskResource.batchPoll(type, "me", undefined, 1, 20_000);
    assert.equal(polled.workflowInstanceId, failing);
    const result = { reasonForIncompletion: "no paper", outputData: {} };
    await people.client.taskResource.updateTask1({
      workflowInstanceId: failing,
      taskId: polled.taskId,
      status: "FAILED_WITH_TERMINAL_ERROR",
      ...result,
    });
    const failed = await people.workflows.getWorkflowStatus(failing, true, true);
    assert.equal(failed.status, "FAILED");
  },

  terminate: async (people) => {
    const { taskId, workflowId } = await people.humanTask("terminate", assigned(DEMO));
    await people.workflows.terminate(workflowId, "no longer wanted");
    const seen = await people.workflows.getWorkflow(workflowId, false);
    assert.deepEqual(
      [seen.status, seen.reasonForIncompletion],
      ["TERMINATED", "no longer wanted"],
    );
    assert.equal((await people.human.getTaskById(taskId)).state, "DELETED");
    await people.refused(400, people.human.claimTaskAsConductorUser(taskId));
  },

  definitions: async (people) => {
    const name = `${prefix}defined`;
    const definition = workflow(name, [humanTask("check_ref")]);
    await people.metadata.registerWorkflowDef(definition);
    await people.refused(409, people.metadata.registerWorkflowDef(definition));
    const kept = await people.metadata.getWorkflowDef(name);
    assert.deepEqual([kept.name, kept.version, kept.tasks.length], [name, 1, 1]);
    const all = await people.metadata.getAllWorkflowDefs();
    assert.ok(all.some((each) => each.name === name));
    const wait = { name: "later", taskReferenceName: "later", type: "WAIT" };
    const unsupported = people.metadata.registerWorkflowDef(workflow(`${name}2`, [wait]));
    assert.match(await people.refused(400, unsupported), /WAIT/);
    await people.metadata.unregisterWorkflow(name, 1);
    await people.refused(404, people.metadata.getWorkflowDef(name));
    await people.refused(404, people.workflows.startWorkflowByName(name, {}));
  },

  "unknown ids": async (people) => {
    const { human } = people;
    await people.refused(404, human.getTaskById(UNKNOWN));
    await people.refused(400, human.claimTaskAsConductorUser(UNKNOWN));
    await people.refused(400, human.claimTaskAsExternalUser(UNKNOWN, "x", {}));
    await people.refused(400, human.releaseTask(UNKNOWN));
    await people.refused(400, human.updateTaskOutput(UNKNOWN, {}));
    await people.refused(400, human.completeTask(UNKNOWN));
    await people.refused(400, people.client.humanTask.skipTask(UNKNOWN));
    await people.refused(400, people.client.humanTask.reassignTask(UNKNOWN, []));
    await people.refused(404, people.workflows.getWorkflow(UNKNOWN, true));
    await people.refused(404, people.workflows.terminate(UNKNOWN, "why"));
    await people.refused(404, people.tasks.getTask(UNKNOWN));
    await people.refused(404, people.metadata.getTask(`${prefix}nothing`));
  },
};

const [people, worker] = await Promise.all([Clients.of(front), Clients.of(back)]);
for (const [scenario, play] of Object.entries(scenarios)) {
  const error = await play(people, worker).then(
    () => null,
    (error) => error?.stack ?? JSON.stringify(error) ?? String(error),
  );
  console.log(JSON.stringify({ scenario, error }));
}
// Connections that are kept open would hold the process.
process.exit();
