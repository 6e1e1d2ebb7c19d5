-- Keys are integers inside the file (seq); the id on the wire stands in a unique index beside it.
-- readable by: 1

CREATE TABLE organizations (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,  -- a number never comes back: memory knows them
    id            TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    slug          TEXT NOT NULL,
    plan_tier     TEXT NOT NULL,  -- 'deleted' after a soft deletion, which can be taken back
    billing_email TEXT,
    billing_email_verified_at_ms INTEGER,  -- null: nobody signs in with it by mail
    billing_email_asked_at_ms    INTEGER,  -- a code to confirm it was mailed; null: never
    description   TEXT,
    logo_url      TEXT,
    settings      BLOB NOT NULL DEFAULT x'7b7d',
    custom_limits BLOB,
    webhook_token TEXT NOT NULL,
    webhook_token_created_at_ms INTEGER NOT NULL,
    github_webhook_secret TEXT,
    stripe_webhook_secret TEXT,
    stripe_customer_id         TEXT,
    stripe_subscription_id     TEXT,
    stripe_subscription_status TEXT,
    is_active     INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    deleted_at_ms INTEGER, -- removed for good: hidden at once, its rows go in passes
    emptied_at_ms INTEGER, -- none of its rows were left; its own goes some minutes later
    CHECK (emptied_at_ms IS NULL OR deleted_at_ms IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX organizations_by_slug ON organizations (slug) WHERE deleted_at_ms IS NULL;
CREATE INDEX organizations_by_email ON organizations (lower(billing_email), created_at_ms)
 WHERE billing_email_verified_at_ms IS NOT NULL;
CREATE INDEX organizations_deleted ON organizations (emptied_at_ms, seq)
 WHERE deleted_at_ms IS NOT NULL;

CREATE TABLE api_keys (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT NOT NULL UNIQUE,
    org           INTEGER NOT NULL REFERENCES organizations,
    name          TEXT NOT NULL,
    key_prefix    TEXT NOT NULL,
    key_hash      BLOB NOT NULL UNIQUE,
    queues        TEXT NOT NULL DEFAULT '[]',
    permissions   TEXT,
    rate_limit    INTEGER CHECK (rate_limit > 0),
    is_active     INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    last_used_ms  INTEGER,
    expires_at_ms INTEGER,
    secret_id     TEXT NOT NULL,  -- changes with the secret: tokens and waiting claims name it
    -- Switched off by the soft deletion of its organization: taken back with it.
    is_off_with_org INTEGER NOT NULL DEFAULT 0 CHECK (is_off_with_org IN (0, 1))
) STRICT;
CREATE INDEX api_keys_of_org ON api_keys (org, created_at_ms);

-- Every secret that a setting has brought, hashed, and the key that it was made of: what was taken
-- back does not come back with a restart. One row for each bootstrap key there ever was.
CREATE TABLE bootstrap_keys (
    key_hash      BLOB PRIMARY KEY,
    key_id        TEXT NOT NULL,
    -- That key was revoked, or given another secret, and has gone with its organization since.
    is_taken_back INTEGER NOT NULL DEFAULT 0 CHECK (is_taken_back IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE TRIGGER bootstrap_keys_stay_taken_back AFTER DELETE ON api_keys BEGIN
    UPDATE bootstrap_keys SET is_taken_back = 1
     WHERE key_id = OLD.id
       AND (key_hash <> OLD.key_hash OR (OLD.is_active = 0 AND OLD.is_off_with_org = 0));
END;

-- Tokens that were logged out; a row is kept until the token would have expired.
CREATE TABLE revoked_tokens (
    id            TEXT PRIMARY KEY,
    expires_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at_ms);

-- The newest code mailed to an address, hashed.
CREATE TABLE sign_in_codes (
    email         TEXT PRIMARY KEY,
    code_hash     BLOB NOT NULL,
    tries_left    INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_codes_by_expiry ON sign_in_codes (expires_at_ms);

-- The newest code mailed to confirm the address of an organization, hashed.
CREATE TABLE confirmation_codes (
    org           INTEGER PRIMARY KEY REFERENCES organizations,
    email         TEXT NOT NULL,
    code_hash     BLOB NOT NULL,
    tries_left    INTEGER NOT NULL,
    sent_at_ms    INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX confirmation_codes_by_email ON confirmation_codes (email, sent_at_ms);
CREATE INDEX confirmation_codes_by_expiry ON confirmation_codes (expires_at_ms);

-- What the server keeps for itself, such as its token secret.
CREATE TABLE server_state (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE queues (
    seq                  INTEGER PRIMARY KEY,
    id                   TEXT NOT NULL UNIQUE,
    org                  INTEGER NOT NULL REFERENCES organizations,
    queue_name           TEXT NOT NULL,
    max_retries          INTEGER NOT NULL,
    default_timeout      INTEGER NOT NULL,
    retry_delay_seconds  REAL,
    backoff_base_seconds REAL,
    backoff_multiplier   REAL,
    backoff_max_seconds  REAL,
    backoff              BLOB,  -- JSON: goes before the columns above
    circuit_breaker      BLOB,  -- JSON
    rate_limit           INTEGER CHECK (rate_limit > 0),
    max_concurrency      INTEGER CHECK (max_concurrency > 0),
    enabled              INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    paused_at_ms         INTEGER,
    paused_reason        TEXT,
    description          TEXT,
    settings             BLOB NOT NULL DEFAULT x'7b7d',
    -- The second the rate limit counts in: when it began, and how many jobs it has handed out.
    window_started_at_ms INTEGER NOT NULL DEFAULT 0,
    window_count         INTEGER NOT NULL DEFAULT 0,
    created_at_ms        INTEGER NOT NULL,
    updated_at_ms        INTEGER NOT NULL,
    expires_at_ms        INTEGER,  -- then it is deleted with what it has
    deleted_at_ms        INTEGER
) STRICT;
CREATE UNIQUE INDEX queues_by_name ON queues (org, queue_name) WHERE deleted_at_ms IS NULL;
CREATE INDEX queues_deleted ON queues (seq) WHERE deleted_at_ms IS NOT NULL;
CREATE INDEX queues_expiring ON queues (expires_at_ms)
 WHERE expires_at_ms IS NOT NULL AND deleted_at_ms IS NULL;
CREATE INDEX queues_rate_limited ON queues (window_started_at_ms) WHERE rate_limit IS NOT NULL;

-- Circuit breakers that are not in their first state: without failures in a row.
CREATE TABLE breakers (
    seq            INTEGER PRIMARY KEY,
    org            INTEGER NOT NULL REFERENCES organizations,
    scope          TEXT NOT NULL CHECK (scope = 'queue' OR scope = 'task' OR scope = 'step'),
    target         INTEGER NOT NULL,  -- the number of the queue, of the task or in step_guards
    failures       INTEGER NOT NULL,
    opened_at_ms   INTEGER,  -- NULL while it is closed
    open_until_ms  INTEGER,
    trial_job      INTEGER,  -- the last attempt that was let through since
    trial_lease_id TEXT,
    CHECK ((opened_at_ms IS NULL) = (open_until_ms IS NULL)),
    CHECK ((trial_job IS NULL) = (trial_lease_id IS NULL)),
    CHECK (trial_job IS NULL OR open_until_ms IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX breakers_of ON breakers (scope, target);
CREATE INDEX breakers_of_org ON breakers (org);
CREATE INDEX breakers_open ON breakers (open_until_ms) WHERE open_until_ms IS NOT NULL;

CREATE TABLE jobs (
    seq                 INTEGER PRIMARY KEY AUTOINCREMENT,  -- messages show it, and it only grows
    id                  TEXT NOT NULL,
    org                 INTEGER NOT NULL REFERENCES organizations,
    queue               INTEGER NOT NULL REFERENCES queues,
    queue_name          TEXT NOT NULL,
    -- Words joined by OR: of IN with three or more SQLite 3.40 makes a table each time, which costs
    -- a quarter of an insert and a third of an update.
    kind                TEXT NOT NULL DEFAULT 'job'
                        CHECK (kind = 'job' OR kind = 'message' OR kind = 'task_run' OR kind = 'step'
                               OR kind = 'item' OR kind = 'on_fail'),
    status              TEXT NOT NULL
                        CHECK (status = 'pending' OR status = 'scheduled' OR status = 'processing'
                               OR status = 'completed' OR status = 'failed'
                               OR status = 'deadletter' OR status = 'cancelled'),
    state               TEXT,  -- the finer word of tasks and flows; NULL for an ordinary job
    claimable           INTEGER NOT NULL CHECK (claimable IN (0, 1)),
    priority            INTEGER NOT NULL,
    job_type            TEXT NOT NULL DEFAULT '',
    retry_count         INTEGER NOT NULL DEFAULT 0,
    max_retries         INTEGER NOT NULL,
    timeout_seconds     INTEGER NOT NULL,
    created_at_ms       INTEGER NOT NULL,
    updated_at_ms       INTEGER NOT NULL,
    scheduled_at_ms     INTEGER,
    run_at_ms           INTEGER,  -- not claimable before; NULL once promoted
    delay_ms            INTEGER,  -- the wait was asked for, and not the moment
    started_at_ms       INTEGER,
    completed_at_ms     INTEGER,
    expires_at_ms       INTEGER,
    assigned_worker_id  TEXT,
    lease_id            TEXT,
    lease_expires_at_ms INTEGER,
    settled_lease_id    TEXT,
    stop_reason         TEXT,  -- why whoever holds it was told to stop
    idempotency_key     TEXT,
    parent_job_id       TEXT,
    workflow_id         TEXT,
    step_key            TEXT,     -- its name in its workflow
    step_position       INTEGER,  -- in the order of the request
    dependency_mode     TEXT CHECK (dependency_mode IN ('all', 'any')),
    dependencies_met    INTEGER CHECK (dependencies_met IN (0, 1)),
    -- Cancelled because of a parent, so that retrying the parent brings it back.
    cancelled_by_parent INTEGER NOT NULL DEFAULT 0 CHECK (cancelled_by_parent IN (0, 1)),
    last_error          TEXT,
    -- What errors of one kind have in common. It stays when a retry by hand clears the error.
    error_key           INTEGER,
    progress            REAL,
    progress_message    TEXT,
    completion_webhook  TEXT,
    completion_webhook_secret TEXT,
    -- Of a body that stands in job_bodies its length; NULL of one that stands here, or is not there.
    payload_bytes       INTEGER,
    result_bytes        INTEGER,
    traceback_bytes     INTEGER,  -- of the last error; it always stands there
    claims              INTEGER NOT NULL DEFAULT 0,  -- so often it was handed out
    topic               TEXT,  -- under which a message was sent, or anything published
    -- One of the rows that have it is not finished, in the queue or, of a run, of the task.
    concurrency_key     TEXT,
    task_name           TEXT,  -- of a run, and of what follows when it has failed
    on_fail_of          TEXT,  -- the run, or the job, whose failure this one follows
    cancel_reason       TEXT,
    error_type          TEXT,  -- of the last error, as its program calls it
    timeout_ms          INTEGER,  -- kept by the server as well; 0: without end; NULL: only by workers
    -- A breaker may have to be told how the attempt ends.
    tells_breaker       INTEGER NOT NULL DEFAULT 0 CHECK (tells_breaker = 0 OR tells_breaker = 1),
    -- Of a step or an item of a run of a flow; with `step_key` what workers call it by.
    flow_name           TEXT,
    -- Of an item, and of a step of a workflow with a document: what its worker has to do.
    phase               TEXT CHECK (phase = 'run' OR phase = 'generate' OR phase = 'item'),
    step_job            INTEGER,  -- of an item: the number of the job of its step
    item_index          INTEGER,  -- of an item: its place among those of its step, from 0
    guard               INTEGER,  -- of a step or an item with limits: the number in step_guards
    policy              BLOB,  -- JSON: what it has of its own where its queue or task says otherwise
    headers             BLOB,  -- a JSON object
    tags                BLOB,
    result              BLOB,
    payload             BLOB,
    CHECK ((payload IS NULL) = (payload_bytes IS NOT NULL)),
    CHECK (result IS NULL OR result_bytes IS NULL),
    CHECK ((step_job IS NULL) = (item_index IS NULL)),
    CHECK (lease_id IS NULL OR status = 'processing'),
    CHECK (stop_reason IS NULL OR status IN ('processing', 'cancelled', 'deadletter')),
    CHECK ((lease_id IS NULL) = (lease_expires_at_ms IS NULL)),
    CHECK (status <> 'processing' OR lease_id IS NOT NULL OR state IS 'waiting_for_map_tasks'),
    CHECK (claimable = 0 OR (status = 'pending' AND run_at_ms IS NULL
                             AND dependencies_met IS NOT 0)),
    CHECK (run_at_ms IS NULL OR status IN ('pending', 'scheduled'))
) STRICT;
CREATE UNIQUE INDEX jobs_by_id ON jobs (id, org);
CREATE UNIQUE INDEX jobs_by_key ON jobs (org, idempotency_key) WHERE idempotency_key IS NOT NULL;
-- Which job is next.
CREATE INDEX jobs_due ON jobs (queue, priority DESC, created_at_ms, seq) WHERE claimable = 1;
CREATE INDEX messages_due ON jobs (queue, priority DESC, created_at_ms, seq)
 WHERE claimable = 1 AND kind = 'message';
-- Which job becomes claimable next, in the file and in one queue.
CREATE INDEX jobs_to_promote ON jobs (run_at_ms) WHERE run_at_ms IS NOT NULL;
CREATE INDEX jobs_to_promote_of_queue ON jobs (queue, run_at_ms) WHERE run_at_ms IS NOT NULL;
-- Which lease ends next.
CREATE INDEX jobs_leased ON jobs (lease_expires_at_ms) WHERE lease_id IS NOT NULL;
-- Which waiting job expires next. Steps and items of a document go with their run.
CREATE INDEX jobs_expiring ON jobs (expires_at_ms)
 WHERE expires_at_ms IS NOT NULL AND phase IS NULL
   AND (status IN ('pending', 'scheduled') OR (status = 'processing' AND kind = 'task_run'));
-- Which waiting job that cannot be claimed is the oldest of its queue, in each status; and how many
-- of them wait for parents.
CREATE INDEX jobs_held_back ON jobs (queue, status, created_at_ms, dependencies_met)
 WHERE claimable = 0 AND status IN ('pending', 'scheduled');
-- The dead letters of one error.
CREATE INDEX jobs_dead_by_error ON jobs (org, error_key, created_at_ms, seq)
 WHERE status = 'deadletter';
-- The lists.
-- Without messages and items, which are not in the lists of jobs: core/jobs/kinds.py. The kind
-- stands in the index so that a walk along it reads no rows.
CREATE INDEX jobs_newest ON jobs (org, created_at_ms, seq, kind)
 WHERE kind <> 'message' AND kind <> 'item';
CREATE INDEX jobs_by_status ON jobs (org, status, created_at_ms, seq, kind)
 WHERE kind <> 'message' AND kind <> 'item';
CREATE INDEX jobs_of_kind ON jobs (org, kind, created_at_ms, seq)
 WHERE kind <> 'job' AND kind <> 'step';
CREATE INDEX jobs_by_queue ON jobs (queue, created_at_ms, seq, kind);
CREATE INDEX jobs_dead_of_queue ON jobs (queue, created_at_ms, seq) WHERE status = 'deadletter';
CREATE INDEX jobs_by_type ON jobs (org, job_type, created_at_ms, seq) WHERE job_type <> '';
CREATE UNIQUE INDEX jobs_by_concurrency_key ON jobs (queue, concurrency_key)
 WHERE concurrency_key IS NOT NULL AND kind <> 'task_run'
   AND (status = 'pending' OR status = 'scheduled' OR status = 'processing');
CREATE UNIQUE INDEX runs_by_concurrency_key ON jobs (org, task_name, concurrency_key)
 WHERE concurrency_key IS NOT NULL AND kind = 'task_run'
   AND (status = 'pending' OR status = 'scheduled' OR status = 'processing');
CREATE INDEX runs_of_task ON jobs (org, task_name, created_at_ms, seq) WHERE kind = 'task_run';
CREATE INDEX runs_ended ON jobs (org, task_name, completed_at_ms, seq)
 WHERE kind = 'task_run' AND completed_at_ms IS NOT NULL;
CREATE INDEX runs_running ON jobs (org, task_name)
 WHERE kind = 'task_run' AND status = 'processing';
-- Runs that are out of the way of others, because their task lets nothing through: breakers.
CREATE INDEX runs_hidden ON jobs (org, task_name, priority DESC, created_at_ms, seq)
 WHERE kind = 'task_run' AND status = 'pending' AND run_at_ms IS NOT NULL
   AND run_at_ms IS NOT scheduled_at_ms;
-- What a claim by the names of tasks hands out next, in each queue.
CREATE INDEX runs_due ON jobs (org, task_name, queue, priority DESC, created_at_ms, seq)
 WHERE claimable = 1 AND kind = 'task_run';
-- What a claim by the names of steps hands out next, in each queue.
CREATE INDEX steps_due
    ON jobs (org, flow_name, step_key, phase, queue, priority DESC, created_at_ms, seq)
 WHERE claimable = 1 AND flow_name IS NOT NULL;
-- Of steps with limits: how many workers have, and what is out of the way of others, as of tasks.
CREATE INDEX steps_running ON jobs (guard) WHERE guard IS NOT NULL AND lease_id IS NOT NULL;
CREATE INDEX steps_hidden ON jobs (guard, priority DESC, created_at_ms, seq)
 WHERE guard IS NOT NULL AND status = 'pending' AND run_at_ms IS NOT NULL
   AND run_at_ms IS NOT scheduled_at_ms;
CREATE UNIQUE INDEX items_of_step ON jobs (step_job, item_index) WHERE step_job IS NOT NULL;
-- Those that may be claimed, and those that somebody has.
CREATE INDEX items_open ON jobs (step_job, item_index)
 WHERE step_job IS NOT NULL AND dependencies_met = 1
   AND (status = 'pending' OR status = 'scheduled' OR status = 'processing');
CREATE INDEX jobs_on_fail ON jobs (on_fail_of, org) WHERE on_fail_of IS NOT NULL;
CREATE INDEX jobs_of_workflow ON jobs (workflow_id, step_position) WHERE workflow_id IS NOT NULL;
CREATE INDEX jobs_by_completion ON jobs (org, completed_at_ms, seq)
 WHERE completed_at_ms IS NOT NULL;

-- Payloads and results above 2 KiB, and tracebacks: no change of a job's row writes them again. By a number: where
-- rows are kept by their key, SQLite reads whole ones to compare it, a megabyte each.
CREATE TABLE job_bodies (
    seq      INTEGER PRIMARY KEY,
    job      INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    which    TEXT NOT NULL CHECK (which = 'payload' OR which = 'result' OR which = 'traceback'),
    checksum INTEGER NOT NULL,  -- CRC-32 of the body
    body     BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX job_bodies_of_job ON job_bodies (job, which);
-- Whatever takes the last error of a job away, or puts another one in its place.
CREATE TRIGGER tracebacks_go_with_error AFTER UPDATE OF traceback_bytes ON jobs
 WHEN OLD.traceback_bytes IS NOT NULL AND NEW.traceback_bytes IS NULL BEGIN
    DELETE FROM job_bodies WHERE job = NEW.seq AND which = 'traceback';
END;

-- Which job waits for which. A parent link (parent_job_id) is an edge that always has to be met.
CREATE TABLE job_dependencies (
    -- A job as the parent is; without saying so, because that would be looked up a hundred thousand
    -- times when the largest workflow is stored. The trigger deletes as CASCADE would, and
    -- `spooled-lite check` finds what REFERENCES would have refused.
    job       INTEGER NOT NULL,
    parent    INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    is_link   INTEGER NOT NULL DEFAULT 0 CHECK (is_link IN (0, 1)),
    condition TEXT NOT NULL DEFAULT 'success'
              CHECK (condition = 'success' OR condition = 'completion' OR condition = 'failure'),
    PRIMARY KEY (job, parent, is_link)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_dependents ON job_dependencies (parent, job);
CREATE TRIGGER job_dependencies_go_with_job AFTER DELETE ON jobs BEGIN
    DELETE FROM job_dependencies WHERE job = OLD.seq;
END;

-- Jobs whose status changed and whose dependents have not all been told of it yet.
CREATE TABLE job_cascades (
    job      INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
    told_up_to INTEGER NOT NULL DEFAULT 0  -- dependents up to this one have been told
) STRICT;

CREATE TABLE job_history (
    seq           INTEGER PRIMARY KEY,
    org           INTEGER NOT NULL,
    job           INTEGER NOT NULL,
    event_type    TEXT NOT NULL,
    worker_id     TEXT,
    details       BLOB NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX job_history_of_job ON job_history (job, seq);
CREATE INDEX job_history_by_age ON job_history (org, created_at_ms);

-- One row per transition, for streams that come back with Last-Event-ID.
CREATE TABLE event_log (
    seq           INTEGER PRIMARY KEY,
    org           INTEGER NOT NULL,
    type          TEXT NOT NULL,
    queue_name    TEXT,
    subject_id    TEXT,
    body          BLOB NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX event_log_of_org ON event_log (org, seq);

-- Sums per queue. Minute 0 holds what is true now and since ever; other minutes are counted
-- since the epoch.
CREATE TABLE queue_counters (
    queue  INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    name   TEXT NOT NULL,
    value  INTEGER NOT NULL,
    PRIMARY KEY (queue, minute, name)
) STRICT, WITHOUT ROWID;

-- What is counted by minute and by something else besides; apart from the counters, whose reads do
-- not grow with it. `key`: a queue, or minus the number of an organization. Kinds: `e`, failed
-- attempts by error; `d` and `w`, how long attempts took and jobs waited, by bucket.
CREATE TABLE minute_histograms (
    key    INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    value  INTEGER NOT NULL,
    PRIMARY KEY (key, minute, kind, bucket)
) STRICT, WITHOUT ROWID;

-- What is kept of the minutes of an hour when they are deleted: see core/overview/hours.py.
CREATE TABLE hours (
    key  INTEGER NOT NULL,  -- as in minute_histograms
    hour INTEGER NOT NULL,  -- since the epoch
    body BLOB NOT NULL,
    PRIMARY KEY (key, hour)
) STRICT, WITHOUT ROWID;

-- Failed attempts and dead letters of a queue by error.
CREATE TABLE error_groups (
    queue           INTEGER NOT NULL,
    error_key       INTEGER NOT NULL,
    title           TEXT NOT NULL,
    dead_count      INTEGER NOT NULL,
    retried_count   INTEGER NOT NULL DEFAULT 0,  -- dead letters that were put back
    completed_count INTEGER NOT NULL DEFAULT 0,  -- of these, those that were completed since
    first_at_ms     INTEGER NOT NULL,
    last_at_ms      INTEGER NOT NULL,
    last_job_id     TEXT NOT NULL,
    last_job_type   TEXT NOT NULL,
    PRIMARY KEY (queue, error_key)
) STRICT, WITHOUT ROWID;

-- Sums per organization; period is a day '2026-11-24', a month '2026-11', or '' for ever.
CREATE TABLE usage_counters (
    org    INTEGER NOT NULL,
    period TEXT NOT NULL,
    name   TEXT NOT NULL,
    value  INTEGER NOT NULL,
    PRIMARY KEY (org, period, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE workers (
    seq               INTEGER PRIMARY KEY,
    id                TEXT NOT NULL UNIQUE,
    org               INTEGER NOT NULL REFERENCES organizations,
    queue_name        TEXT NOT NULL,
    queue_names       TEXT NOT NULL,
    hostname          TEXT NOT NULL,
    worker_type       TEXT,
    version           TEXT,
    task_handlers     TEXT,  -- the names of the tasks it runs, a JSON array; NULL: it names none
    step_handlers     TEXT,  -- likewise of steps of flows, each as `flow.step`
    max_concurrency   INTEGER NOT NULL,
    current_jobs      INTEGER NOT NULL DEFAULT 0,
    status            TEXT NOT NULL
                      CHECK (status IN ('healthy', 'degraded', 'draining', 'offline')),
    metadata          BLOB NOT NULL DEFAULT x'7b7d',
    jobs_processed    INTEGER NOT NULL DEFAULT 0,
    jobs_failed       INTEGER NOT NULL DEFAULT 0,
    last_settled_ms   INTEGER,  -- when it last completed a job or failed an attempt
    busy_since_ms     INTEGER,  -- since when it says that it does jobs; NULL while it does none
    last_heartbeat_ms INTEGER NOT NULL,
    registered_at_ms  INTEGER NOT NULL,
    updated_at_ms     INTEGER NOT NULL
) STRICT;
CREATE INDEX workers_of_org ON workers (org, last_heartbeat_ms);
CREATE INDEX workers_alive ON workers (last_heartbeat_ms) WHERE status IN ('healthy', 'degraded');
CREATE INDEX workers_offline ON workers (org, last_heartbeat_ms) WHERE status = 'offline';

-- What workflows are run by: their steps with everything that is said of them. Never changed, so that
-- a run keeps what it began with; equal ones are stored once.
CREATE TABLE flow_documents (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,  -- memory knows them by it
    id            TEXT NOT NULL UNIQUE,
    org           INTEGER NOT NULL REFERENCES organizations,
    digest        BLOB NOT NULL,  -- SHA-256 of the body
    body          BLOB NOT NULL,  -- JSON: see core/workflows/document.py
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX flow_documents_by_digest ON flow_documents (org, digest);

-- Steps that do not let everything through: of a flow for all of its runs, whatever document they
-- have; else for all workflows that have this document.
CREATE TABLE step_guards (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,  -- jobs and breakers know it by this
    org             INTEGER NOT NULL REFERENCES organizations,
    flow_name       TEXT,
    document        INTEGER REFERENCES flow_documents ON DELETE CASCADE,
    step_key        TEXT NOT NULL,
    queue_name      TEXT NOT NULL,
    item_queue_name TEXT NOT NULL,  -- that of the step when its items have no other
    circuit_breaker BLOB,  -- JSON
    max_concurrency INTEGER,
    CHECK ((flow_name IS NULL) <> (document IS NULL))
) STRICT;
CREATE INDEX step_guards_of_org ON step_guards (org);
CREATE UNIQUE INDEX step_guards_of_flow ON step_guards (org, flow_name, step_key)
 WHERE flow_name IS NOT NULL;
CREATE UNIQUE INDEX step_guards_of_document ON step_guards (document, step_key)
 WHERE document IS NOT NULL;
CREATE INDEX step_guards_of_queue ON step_guards (org, queue_name)
 WHERE circuit_breaker IS NOT NULL OR max_concurrency IS NOT NULL;
CREATE INDEX step_guards_of_items ON step_guards (org, item_queue_name)
 WHERE circuit_breaker IS NOT NULL OR max_concurrency IS NOT NULL;

CREATE TABLE flows (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    org           INTEGER NOT NULL REFERENCES organizations,
    name          TEXT NOT NULL,
    description   TEXT,
    document      INTEGER NOT NULL REFERENCES flow_documents,
    retention_ms  INTEGER,  -- of runs that have ended; NULL: that of the plan
    revision      INTEGER NOT NULL,  -- grows with each change
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    deleted_at_ms INTEGER  -- its runs still have to be deleted
) STRICT;
CREATE UNIQUE INDEX flows_by_name ON flows (org, name);
CREATE INDEX flows_of_document ON flows (document);
CREATE INDEX flows_retained ON flows (org) WHERE retention_ms IS NOT NULL;
CREATE INDEX flows_deleted ON flows (seq) WHERE deleted_at_ms IS NOT NULL;

-- A graph of jobs. The counters are those of its steps as they stand; a step that was deleted
-- before it came to an end counts as cancelled.
CREATE TABLE workflows (
    seq             INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    org             INTEGER NOT NULL REFERENCES organizations,
    name            TEXT NOT NULL,
    description     TEXT,
    status          TEXT NOT NULL
                    CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    total_jobs      INTEGER NOT NULL,
    waiting_jobs    INTEGER NOT NULL CHECK (waiting_jobs >= 0),  -- pending or scheduled
    processing_jobs INTEGER NOT NULL DEFAULT 0 CHECK (processing_jobs >= 0),
    completed_jobs  INTEGER NOT NULL DEFAULT 0 CHECK (completed_jobs >= 0),
    failed_jobs     INTEGER NOT NULL DEFAULT 0 CHECK (failed_jobs >= 0),
    cancelled_jobs  INTEGER NOT NULL DEFAULT 0 CHECK (cancelled_jobs >= 0),
    created_at_ms   INTEGER NOT NULL,
    updated_at_ms   INTEGER NOT NULL,
    started_at_ms   INTEGER,
    completed_at_ms INTEGER,
    cancel_requested_at_ms INTEGER,  -- by a call: it stays cancelled, whatever its steps do
    cancel_reason   TEXT,
    document        INTEGER REFERENCES flow_documents,  -- NULL: its jobs say all there is
    flow_name       TEXT,  -- it is a run of this flow
    priority        INTEGER NOT NULL DEFAULT 0,
    concurrency_key TEXT,  -- of the unfinished runs of a flow one has it
    expires_at_ms   INTEGER,
    -- It ended in a way that does not follow from its counters.
    ended_as        TEXT CHECK (ended_as IN ('completed', 'failed', 'expired')),
    completion_reason TEXT,  -- why it was completed early
    error_message   TEXT,
    failed_step     TEXT,  -- the key of the step whose failure it failed by
    CHECK (total_jobs = waiting_jobs + processing_jobs + completed_jobs + failed_jobs
                        + cancelled_jobs)
) STRICT;
CREATE INDEX workflows_newest ON workflows (org, created_at_ms, seq);
CREATE INDEX workflows_by_status ON workflows (org, status, created_at_ms, seq);
CREATE INDEX workflows_by_completion ON workflows (org, completed_at_ms, seq)
 WHERE completed_at_ms IS NOT NULL;
CREATE INDEX workflows_of_document ON workflows (document) WHERE document IS NOT NULL;
CREATE INDEX workflows_of_flow ON workflows (org, flow_name, created_at_ms, seq)
 WHERE flow_name IS NOT NULL;
CREATE INDEX workflows_of_flow_ended ON workflows (org, flow_name, completed_at_ms, seq)
 WHERE flow_name IS NOT NULL AND completed_at_ms IS NOT NULL;
CREATE UNIQUE INDEX workflows_by_concurrency_key
    ON workflows (org, coalesce(flow_name, ''), concurrency_key)
 WHERE concurrency_key IS NOT NULL AND status IN ('pending', 'running');
CREATE INDEX workflows_expiring ON workflows (expires_at_ms)
 WHERE expires_at_ms IS NOT NULL
   AND (status IN ('pending', 'running')
        OR (status = 'cancelled' AND processing_jobs > 0 AND ended_as IS NULL));

-- Apart, because a workflow is written again whenever one of its steps moves.
CREATE TABLE workflow_metadata (
    workflow INTEGER PRIMARY KEY REFERENCES workflows ON DELETE CASCADE,
    metadata BLOB NOT NULL
) STRICT;

-- Apart for the same reason: what a run is given, and what it gives.
CREATE TABLE workflow_bodies (
    seq      INTEGER PRIMARY KEY,
    workflow INTEGER NOT NULL REFERENCES workflows ON DELETE CASCADE,
    which    TEXT NOT NULL CHECK (which = 'input' OR which = 'headers' OR which = 'output'),
    body     BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX workflow_bodies_of_workflow ON workflow_bodies (workflow, which);

-- Of a step that waits for a signal or has items: how far it is.
CREATE TABLE step_states (
    job            INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
    org            INTEGER NOT NULL REFERENCES organizations,
    is_signalled   INTEGER NOT NULL DEFAULT 0 CHECK (is_signalled IN (0, 1)),
    signal         BLOB,  -- JSON
    items_total    INTEGER,  -- NULL: not known yet
    items_stored   INTEGER NOT NULL DEFAULT 0,
    items_released INTEGER NOT NULL DEFAULT 0,  -- the first ones, which may be claimed or have ended
    items_open     INTEGER NOT NULL DEFAULT 0,  -- of those, the ones that have not ended
    items_window   INTEGER NOT NULL DEFAULT 0,  -- so many may be open
    items_done     INTEGER NOT NULL DEFAULT 0,  -- have ended, in any way
    items_failed   INTEGER NOT NULL DEFAULT 0,  -- of those, the ones that were not completed
    output_bytes   INTEGER NOT NULL DEFAULT 0,  -- the results of the completed ones
    source_offset  INTEGER NOT NULL DEFAULT 0,  -- of a map over a text, where the next item begins
    is_produced    INTEGER NOT NULL DEFAULT 0 CHECK (is_produced IN (0, 1)),  -- no more will come
    -- Its items are given the input of the run, so that a claim counts it.
    gives_input    INTEGER NOT NULL DEFAULT 0 CHECK (gives_input IN (0, 1)),
    -- What a loop still has to do with it or its items.
    work           TEXT CHECK (work IN ('decide', 'store', 'close', 'reopen'))
) STRICT;
CREATE INDEX step_states_with_work ON step_states (org, job) WHERE work IS NOT NULL;

CREATE TABLE schedules (
    seq              INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,
    org              INTEGER NOT NULL REFERENCES organizations,
    name             TEXT NOT NULL,
    description      TEXT,
    cron_expression  TEXT NOT NULL,
    timezone         TEXT NOT NULL,
    queue_name       TEXT NOT NULL,
    task_name        TEXT,  -- it runs this task instead of creating jobs; its queue is the task's
    flow_name        TEXT,  -- likewise; its queue is that of the first step
    -- Made as the one schedule of its task or its flow: its runs are as that says.
    is_of_task       INTEGER NOT NULL DEFAULT 0 CHECK (is_of_task IN (0, 1)),
    priority         INTEGER NOT NULL,
    max_retries      INTEGER NOT NULL,
    timeout_seconds  INTEGER NOT NULL,
    is_active        INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    catch_up         TEXT NOT NULL DEFAULT 'one' CHECK (catch_up IN ('skip', 'one', 'all')),
    misfire_grace_seconds INTEGER NOT NULL DEFAULT 60,
    last_run_at_ms   INTEGER,
    last_scheduled_for_ms INTEGER,  -- the latest slot that fired
    next_run_at_ms   INTEGER,  -- the next slot; NULL when there is none
    caught_up        INTEGER NOT NULL DEFAULT 0,  -- missed slots made up for, until none is left
    run_count        INTEGER NOT NULL DEFAULT 0,
    failed_count     INTEGER NOT NULL DEFAULT 0,
    created_at_ms    INTEGER NOT NULL,
    updated_at_ms    INTEGER NOT NULL,
    deleted_at_ms    INTEGER,  -- hidden; its runs go in passes
    -- Last, because what stands behind a large value is found through all of it.
    tags             BLOB,
    metadata         BLOB,
    payload_template BLOB NOT NULL,
    CHECK (deleted_at_ms IS NULL OR is_active = 0)
) STRICT;
CREATE INDEX schedules_newest ON schedules (org, created_at_ms, seq);
CREATE INDEX schedules_by_queue ON schedules (org, queue_name, created_at_ms, seq)
 WHERE deleted_at_ms IS NULL;
CREATE INDEX schedules_running_flows ON schedules (org, flow_name)
 WHERE flow_name IS NOT NULL AND deleted_at_ms IS NULL;
CREATE UNIQUE INDEX schedules_of_flow ON schedules (org, flow_name)
 WHERE is_of_task = 1 AND flow_name IS NOT NULL AND deleted_at_ms IS NULL;
CREATE INDEX schedules_running_tasks ON schedules (org, task_name)
 WHERE task_name IS NOT NULL AND deleted_at_ms IS NULL;
CREATE UNIQUE INDEX schedules_of_task ON schedules (org, task_name)
 WHERE is_of_task = 1 AND deleted_at_ms IS NULL;
CREATE INDEX schedules_active ON schedules (org) WHERE is_active = 1;
CREATE INDEX schedules_due ON schedules (next_run_at_ms)
 WHERE is_active = 1 AND next_run_at_ms IS NOT NULL;
CREATE INDEX schedules_deleted ON schedules (org) WHERE deleted_at_ms IS NOT NULL;

-- What a schedule did. A slot stands here once at most, whatever is started again or set back.
CREATE TABLE schedule_runs (
    seq             INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    org             INTEGER NOT NULL,
    schedule        INTEGER NOT NULL REFERENCES schedules ON DELETE CASCADE,
    slot_at_ms      INTEGER,  -- NULL: triggered by a call
    job_id          TEXT,
    status          TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed')),
    error_message   TEXT,
    started_at_ms   INTEGER NOT NULL,
    completed_at_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX schedule_runs_by_slot ON schedule_runs (schedule, slot_at_ms)
 WHERE slot_at_ms IS NOT NULL;
CREATE INDEX schedule_runs_newest ON schedule_runs (schedule, started_at_ms, seq);
CREATE INDEX schedule_runs_by_age ON schedule_runs (org, started_at_ms);

-- Subscriptions to our events.
CREATE TABLE webhooks (
    seq               INTEGER PRIMARY KEY,
    id                TEXT NOT NULL UNIQUE,
    org               INTEGER NOT NULL REFERENCES organizations,
    name              TEXT NOT NULL,
    url               TEXT NOT NULL,
    events            TEXT NOT NULL,  -- a JSON array of their names
    topics            TEXT,  -- a JSON array of patterns; null: none
    secret            TEXT,
    format            TEXT NOT NULL DEFAULT 'json'
                      CHECK (format = 'json' OR format = 'slack' OR format = 'discord'
                             OR format = 'teams'),
    enabled           INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    failure_count     INTEGER NOT NULL DEFAULT 0,  -- failed deliveries in a row
    last_triggered_at_ms INTEGER,
    last_call_ms      INTEGER,  -- how long the last call took, in milliseconds
    last_status       TEXT CHECK (last_status = 'success' OR last_status = 'failed'
                                  OR last_status = 'auto_disabled'),
    created_at_ms     INTEGER NOT NULL,
    updated_at_ms     INTEGER NOT NULL,
    drop_to           INTEGER,  -- deliveries up to this number are being dropped: it is off or gone
    deleted_at_ms     INTEGER,  -- hidden at once; its rows go in passes
    CHECK (deleted_at_ms IS NULL OR (enabled = 0 AND drop_to IS NOT NULL))
) STRICT;
CREATE INDEX webhooks_of_org ON webhooks (org, created_at_ms, seq);
CREATE INDEX webhooks_to_clear ON webhooks (seq) WHERE drop_to IS NOT NULL;

-- Calls owed to receivers. webhook is NULL for the completion webhook of a job, which brings its
-- own address and secret.
CREATE TABLE deliveries (
    seq                INTEGER PRIMARY KEY AUTOINCREMENT,  -- calls under way know their number
    id                 TEXT NOT NULL UNIQUE,
    org                INTEGER NOT NULL REFERENCES organizations,
    webhook            INTEGER REFERENCES webhooks ON DELETE CASCADE,
    job_id             TEXT,
    event              TEXT NOT NULL,
    endpoint           TEXT NOT NULL,  -- whom to take turns with: a webhook, or the host of an address
    url                TEXT,
    secret             TEXT,
    status             TEXT NOT NULL
                       CHECK (status = 'pending' OR status = 'success' OR status = 'failed'),
    attempts           INTEGER NOT NULL DEFAULT 0,
    next_attempt_at_ms INTEGER,
    status_code        INTEGER,  -- of the last attempt, as the three that follow
    response_body      TEXT,
    error              TEXT,
    duration_ms        INTEGER,
    created_at_ms      INTEGER NOT NULL,
    delivered_at_ms    INTEGER,
    body               BLOB NOT NULL,
    CHECK ((status = 'pending') = (next_attempt_at_ms IS NOT NULL)),
    CHECK ((webhook IS NULL) = (url IS NOT NULL))
) STRICT;
CREATE INDEX deliveries_due ON deliveries (endpoint, next_attempt_at_ms, seq)
 WHERE status = 'pending';
CREATE INDEX deliveries_of_org ON deliveries (org, created_at_ms);
CREATE INDEX deliveries_of_job ON deliveries (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX deliveries_of_webhook ON deliveries (webhook, created_at_ms, seq)
 WHERE webhook IS NOT NULL;

-- Events owed to more webhooks than one operation may write deliveries for: those of a row are
-- written in passes, and the row goes with the last of them.
CREATE TABLE owed_events (
    seq      INTEGER PRIMARY KEY,
    org      INTEGER NOT NULL REFERENCES organizations,
    event    TEXT NOT NULL,
    job_id   TEXT,
    at_ms    INTEGER NOT NULL,
    data     BLOB NOT NULL,
    webhooks TEXT NOT NULL,  -- a JSON array of the numbers of those that had asked for it
    written  INTEGER NOT NULL DEFAULT 0  -- so many of them have their delivery
) STRICT;
CREATE INDEX owed_events_of_org ON owed_events (org, seq);

-- What providers have sent in, without its content.
CREATE TABLE acts (
    seq           INTEGER PRIMARY KEY,
    org           INTEGER NOT NULL,
    key_id        TEXT NOT NULL,
    key_name      TEXT NOT NULL,  -- as it was then
    act           TEXT NOT NULL,
    kind          TEXT NOT NULL,
    subject       TEXT NOT NULL,  -- '' of several
    subject_name  TEXT,  -- as it was then; null of what has no name beside its id
    count         INTEGER NOT NULL,
    reason        TEXT,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX acts_newest ON acts (org, created_at_ms, seq);
CREATE INDEX acts_of_subject ON acts (org, subject, created_at_ms, seq);
CREATE INDEX acts_of_key ON acts (org, key_id, created_at_ms, seq);

CREATE TABLE inbound_log (
    seq           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    org           INTEGER NOT NULL,
    provider      TEXT NOT NULL
                  CHECK (provider = 'github' OR provider = 'stripe' OR provider = 'custom'),
    event_type    TEXT NOT NULL,
    matched_queue TEXT,
    job_id        TEXT,
    status        TEXT CHECK (status IN ('created', 'duplicate')),
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX inbound_log_newest ON inbound_log (org, created_at_ms, seq);
CREATE INDEX inbound_log_of_queue ON inbound_log (org, matched_queue, created_at_ms, seq);
CREATE INDEX inbound_log_duplicates ON inbound_log (org, created_at_ms, seq)
    WHERE status = 'duplicate';

-- Workers that have claimed with the key of the process: their leases end at the next start.
CREATE TABLE in_process_workers (
    org       INTEGER NOT NULL REFERENCES organizations,
    worker_id TEXT NOT NULL,
    PRIMARY KEY (org, worker_id)
) STRICT, WITHOUT ROWID;

-- Answers of calls that name an `Idempotency-Key`, for who makes such a call again within a day.
CREATE TABLE kept_answers (
    seq           INTEGER PRIMARY KEY,
    org           INTEGER NOT NULL REFERENCES organizations,
    key           TEXT NOT NULL,
    digest        BLOB NOT NULL,  -- of method, path, query and body of the call
    queues        BLOB NOT NULL,  -- a JSON array: those of the API key that called
    status        INTEGER NOT NULL,
    body          BLOB NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX kept_answers_by_key ON kept_answers (org, key);
CREATE INDEX kept_answers_oldest ON kept_answers (created_at_ms);

-- Which topics lead where. A target is known by its name.
CREATE TABLE bindings (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            TEXT NOT NULL UNIQUE,
    org           INTEGER NOT NULL REFERENCES organizations,
    target_type   TEXT NOT NULL
                  CHECK (target_type = 'queue' OR target_type = 'task' OR target_type = 'flow'),
    target_name   TEXT NOT NULL,
    pattern       TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX bindings_of_target ON bindings (org, target_type, target_name, pattern);
CREATE INDEX bindings_newest ON bindings (org, created_at_ms, seq);
-- The id of the last change of the bindings of an organization: what is kept in memory is older
-- when it knows another one.
CREATE TABLE binding_changes (
    org    INTEGER PRIMARY KEY REFERENCES organizations,
    change TEXT NOT NULL
) STRICT;

-- What becomes of a live message, or a notification, where it is shown.
CREATE TABLE renderers (
    seq           INTEGER PRIMARY KEY,
    org           INTEGER NOT NULL REFERENCES organizations,
    name          TEXT NOT NULL,
    pattern       TEXT NOT NULL,
    event         TEXT,
    event_id      TEXT,
    template      TEXT NOT NULL,
    content_type  TEXT NOT NULL
                  CHECK (content_type IN ('text/html', 'text/plain', 'application/json')),
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX renderers_by_name ON renderers (org, name);

-- What is kept for users of applications until they have seen it. A user is a name of the caller's.
CREATE TABLE notifications (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,  -- readers go on behind it: it only grows
    org           INTEGER NOT NULL REFERENCES organizations,
    identity      TEXT NOT NULL,
    topic         TEXT NOT NULL,
    message       TEXT,
    collapse_key  TEXT,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    seen_at_ms    INTEGER
) STRICT;
CREATE INDEX notifications_unseen ON notifications (org, identity, id) WHERE seen_at_ms IS NULL;
CREATE INDEX notifications_seen ON notifications (org, identity, id) WHERE seen_at_ms IS NOT NULL;
-- Only the newest one of a key is unseen.
CREATE UNIQUE INDEX notifications_of_key ON notifications (org, identity, collapse_key)
    WHERE seen_at_ms IS NULL AND collapse_key IS NOT NULL;
CREATE INDEX notifications_by_expiry ON notifications (org, expires_at_ms);
CREATE INDEX notifications_by_sight ON notifications (org, seen_at_ms)
    WHERE seen_at_ms IS NOT NULL;

-- What claims were given that have chosen the ids of their leases, to be told again.
CREATE TABLE named_leases (
    seq           INTEGER PRIMARY KEY,
    org           INTEGER NOT NULL REFERENCES organizations,
    lease_id      TEXT NOT NULL,
    worker_id     TEXT NOT NULL,
    jobs          TEXT NOT NULL,  -- their numbers, a JSON array
    is_repeated   INTEGER NOT NULL DEFAULT 0 CHECK (is_repeated IN (0, 1)),
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX named_leases_by_id ON named_leases (org, lease_id);
CREATE INDEX named_leases_oldest ON named_leases (created_at_ms);

-- What programs that run a task do not have to know: where its runs wait, what comes of failures.
CREATE TABLE tasks (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    org             INTEGER NOT NULL REFERENCES organizations,
    name            TEXT NOT NULL,
    description     TEXT,
    queue_name      TEXT NOT NULL,
    condition       TEXT,
    max_retries     INTEGER NOT NULL,
    timeout_ms      INTEGER NOT NULL,  -- of an attempt; 0: any time
    backoff         BLOB,  -- JSON
    circuit_breaker BLOB,  -- JSON
    max_concurrency INTEGER,
    retention_ms    INTEGER,  -- of runs that have ended; NULL: that of the plan
    on_fail         BLOB,  -- JSON
    revision        INTEGER NOT NULL,  -- grows with each change
    created_at_ms   INTEGER NOT NULL,
    updated_at_ms   INTEGER NOT NULL,
    deleted_at_ms   INTEGER  -- its runs still have to be deleted
) STRICT;
CREATE UNIQUE INDEX tasks_by_name ON tasks (org, name);
CREATE INDEX tasks_retained ON tasks (org) WHERE retention_ms IS NOT NULL;
CREATE INDEX tasks_limited ON tasks (org, queue_name)
 WHERE circuit_breaker IS NOT NULL OR max_concurrency IS NOT NULL;
CREATE INDEX tasks_deleted ON tasks (seq) WHERE deleted_at_ms IS NOT NULL;
