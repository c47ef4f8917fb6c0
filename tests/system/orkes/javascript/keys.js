// The published client with the keys of applications, against a product that asks for them.
//
//     node keys.js URL BOSS CLERK SECRET
//
// BOSS is the key of an application that may do everything, CLERK of one that may do nothing yet;
// both have the same SECRET. One line of JSON for each scenario, as of judge.js.
import assert from "node:assert/strict";
import {
  OrkesClients,
  createConductorClient,
  humanTask,
  noopLogger,
  simpleTask,
  workflow,
} from "@io-orkes/conductor-javascript";

const [url, bossKey, clerkKey, keySecret] = process.argv.slice(2);
const JANE = { userType: "CONDUCTOR_USER", user: "jane" };

class Caller {
  static async of(keyId) {
    const made = new Caller();
    made.tokens = new Set();
    const config = { serverUrl: url, keyId, keySecret, logger: noopLogger };
    made.client = await createConductorClient(config);
    made.client.interceptors.response.use((response, request) => {
      made.status = response.status;
      made.tokens.add(request.headers.get("X-Authorization"));
      return response;
    });
    const clients = new OrkesClients(made.client);
    made.human = clients.getHumanClient();
    made.metadata = clients.getMetadataClient();
    made.workflows = clients.getWorkflowClient();
    made.authorization = clients.getAuthorizationClient();
    return made;
  }

  async forbidden(...promises) {
    for (const promise of promises) {
      await promise().then(
        () => assert.fail(`not refused: ${promise}`),
        (error) => assert.ok(!(error instanceof assert.AssertionError), error.message),
      );
      assert.equal(this.status, 403, `${promise}`);
    }
  }
}

const check = humanTask("check_ref");
check.name = "check";
check.inputParameters = {
  __humanTaskDefinition: { assignments: [{ assignee: JANE, slaMinutes: 0 }] },
};
const definition = workflow("loan", [check, simpleTask("pay_ref", "pay", {})]);

const scenarios = {
  "claims, results and definitions are refused without a role": async (boss, clerk) => {
    await boss.metadata.registerWorkflowDef(definition, true);
    const workflowId = await boss.workflows.startWorkflow({ name: "loan", version: 1 });
    const [{ taskId }] = await boss.human.pollSearch({ workflowIds: [workflowId] });
    await clerk.forbidden(
      () => clerk.human.getTaskById(taskId),
      () => clerk.human.claimTaskAsExternalUser(taskId, "bob", { overrideAssignment: true }),
      () => clerk.human.completeTask(taskId, { ok: true }),
      () => clerk.metadata.getWorkflowDef("loan"),
      () => clerk.metadata.registerWorkflowDef(definition, true),
      () => clerk.workflows.startWorkflow({ name: "loan", version: 1 }),
      () => clerk.workflows.getWorkflow(workflowId, true),
      () => clerk.client.taskResource.batchPoll("pay", "me", undefined, 1, 100),
      () => clerk.authorization.listUsers(),
    );
    assert.deepEqual(await clerk.human.search({ workflowIds: [workflowId] }), []);
  },

  "a granted application claims and completes with the token that it got": async (boss, clerk) => {
    const grant = (type, id, ...access) =>
      boss.authorization.grantPermissions({
        subject: { type: "USER", id: "app:clerk" },
        target: { type, id },
        access,
      });
    await grant("TASK_DEF", "check", "READ", "UPDATE");
    await grant("TASK_DEF", "pay", "EXECUTE");
    const workflowId = await boss.workflows.startWorkflow({ name: "loan", version: 1 });
    const [task] = await clerk.human.pollSearch({ workflowIds: [workflowId] });
    const override = { overrideAssignment: true };
    const claimed = await clerk.human.claimTaskAsExternalUser(task.taskId, "bob", override);
    assert.deepEqual(claimed.claimant, { userType: "EXTERNAL_USER", user: "bob" });
    await clerk.human.completeTask(task.taskId, { ok: true });
    assert.equal((await clerk.human.getTaskById(task.taskId)).state, "COMPLETED");
    const [job] = await clerk.client.taskResource.batchPoll("pay", "me", undefined, 1, 20_000);
    assert.equal(job.workflowInstanceId, workflowId);
    await clerk.forbidden(() => clerk.metadata.getWorkflowDef("loan"));
    const [token] = clerk.tokens;
    assert.equal(clerk.tokens.size, 1);
    assert.equal(JSON.parse(atob(token.split(".")[1])).sub, "app:clerk");
  },
};

const [boss, clerk] = await Promise.all([Caller.of(bossKey), Caller.of(clerkKey)]);
for (const [scenario, play] of Object.entries(scenarios)) {
  const error = await play(boss, clerk).then(
    () => null,
    (error) => error?.stack ?? JSON.stringify(error) ?? String(error),
  );
  console.log(JSON.stringify({ scenario, error }));
}
// Connections that are kept open, and what renews tokens, would hold the process.
process.exit();
