"""What messages, topics, tasks, inboxes, policies and conditions promise, and the tests that show it.

Rows have the names of the contract catbird-capabilities. `tests/test_contract_rows.py` holds that
every row has a test that exists, or a reason.
"""

from typing import Final, NamedTuple

_ACTIVATE: Final = "core/steps/test_activate.py"
_BATCH: Final = "wire/http/resources/test_batch.py"
_BREAKERS: Final = "core/breakers/test_queue.py"
_CRON: Final = "core/schedules/test_cron.py"
_COMMIT: Final = "wire/live/test_in_one_commit.py"
_CANCEL_RUN: Final = "core/lifecycle/test_cancel_run.py"
_CONDITIONS: Final = "core/conditions/test_conditions.py"
_END_RUN: Final = "core/lifecycle/test_end_run.py"
_EXPIRE: Final = "core/steps/test_expire.py"
_FAIL_FAST: Final = "core/steps/test_fail_fast.py"
_FIRE: Final = "core/schedules/test_fire.py"
_CHECKS: Final = "core/workflows/test_document_checks.py"
_FLOW_DOORS: Final = "wire/http/resources/test_flow_doors.py"
_FLOW_RUNS: Final = "wire/http/resources/test_flow_runs.py"
_FLOW_SLOTS: Final = "core/schedules/test_flow_schedules.py"
_FLOW_SCHEDULES: Final = "wire/http/resources/test_flow_schedules.py"
_FLOWS: Final = "wire/http/resources/test_flows.py"
_TASK_SLOTS: Final = "core/schedules/test_task_schedules.py"
_FOLLOW: Final = "core/lifecycle/test_follow.py"
_GIVEN: Final = "core/steps/test_given.py"
_GIVEN_ITEMS: Final = "core/steps/test_given_items.py"
_INBOX: Final = "wire/http/resources/test_inbox.py"
_GENERATORS: Final = "core/steps/test_generators.py"
_ITEMS: Final = "core/steps/test_items.py"
_ITEM_CALLS: Final = "wire/http/resources/test_step_items.py"
_MANY_ITEMS: Final = "core/steps/test_many_items.py"
_JOBS: Final = "wire/http/resources/test_jobs_attempts.py"
_MESSAGES: Final = "wire/http/resources/test_messages.py"
_MODEL: Final = "core/test_model_of_messages.py"
_ON_FAIL: Final = "wire/http/resources/test_on_fail.py"
_PATTERNS: Final = "core/topics/test_pattern.py"
_POLL: Final = "wire/http/resources/test_poll.py"
_POLICY: Final = "wire/http/resources/test_policy.py"
_QUEUES: Final = "wire/http/resources/test_queues.py"
_RENDER: Final = "core/renderers/test_render.py"
_RENDERERS: Final = "wire/http/resources/test_renderers.py"
_RUN_FAILS: Final = "core/steps/test_on_fail.py"
_RUN_WAITS: Final = "wire/waiting/test_runs_wait.py"
_RUNS: Final = "wire/http/resources/test_task_runs.py"
_SCHEDULES: Final = "wire/http/resources/test_schedules.py"
_SLOW: Final = "wire/live/test_slow.py"
_STEPS: Final = "wire/http/resources/test_claims_of_steps.py"
_STREAMS: Final = "wire/live/test_streams.py"
_SYSTEM: Final = "wire/live/test_system_topics.py"
_SIGNAL: Final = "core/steps/test_signal.py"
_SHOWN_STEPS: Final = "wire/http/resources/test_steps.py"
_TASKS: Final = "wire/http/resources/test_tasks.py"
_TOKENS: Final = "wire/live/test_tokens.py"
_TOPICS: Final = "wire/http/resources/test_topics.py"
_WORKERS: Final = "wire/http/resources/test_workers.py"


class Promise(NamedTuple):
    """One row: what it says, in short, and the tests that show it."""

    what: str
    tests: tuple[str, ...]


def _row(what: str, *tests: str) -> Promise:
    return Promise(what, tests)


_MODELLED: Final = f"{_MODEL}::test_messages_live_as_the_contract_says_beside_jobs"

# One line a test, however long.
# ruff: noqa: E501
# fmt: off
ROWS: Final[dict[str, Promise]] = {
    # queues and messages
    "Q1": _row("a queue is made once, and again takes over what is sent", f"{_QUEUES}::test_creating_a_known_queue_updates_it", "wire/http/resources/test_queue_expiry.py::test_a_queue_can_be_told_when_to_go"),
    "Q2": _row("queues are shown and listed", f"{_QUEUES}::test_a_new_queue_is_answered_with_every_field", f"{_QUEUES}::test_a_list_of_queues_has_pages_and_can_be_searched"),
    "Q3": _row("a queue is deleted with what is in it", f"{_QUEUES}::test_a_queue_with_jobs_is_deleted_only_when_that_is_asked_for", f"{_TOPICS}::test_a_queue_takes_its_bindings_with_it"),
    "Q4": _row("one message is sent to a queue that exists", f"{_MESSAGES}::test_a_read_gives_the_body_back_as_it_was_sent", f"{_MESSAGES}::test_a_message_makes_no_queue"),
    "Q5": _row("many are sent together, or none", f"{_MESSAGES}::test_many_keep_their_order_and_their_count", f"{_MESSAGES}::test_bodies_take_a_key_and_headers_each", f"{_MESSAGES}::test_lists_that_do_not_belong_together_are_refused", f"{_MESSAGES}::test_an_empty_list_stores_nothing"),
    "Q6": _row("a key keeps a second message out", f"{_MESSAGES}::test_the_same_key_twice_is_one_message_with_the_first_body", _MODELLED),
    "Q7": _row("a delayed message is not read before its time", f"{_MESSAGES}::test_a_delayed_message_is_not_read_before_its_time", _MODELLED),
    "Q8": _row("higher priority first, then in the order of sending", f"{_MESSAGES}::test_higher_priority_first_then_the_order_of_sending", _MODELLED),
    "Q9": _row("an expired message is never read", f"{_MESSAGES}::test_an_expired_message_is_never_read_and_goes", _MODELLED),
    "Q10": _row("a read hides, counts and says all of a message", f"{_MESSAGES}::test_each_read_hides_for_its_time_and_counts", f"{_MESSAGES}::test_a_read_gives_the_body_back_as_it_was_sent"),
    "Q11": _row("a read waits for a message", "wire/waiting/test_claims.py::test_one_who_waits_for_messages_keeps_no_worker_behind_it_waiting", f"{_MESSAGES}::test_a_read_of_nothing_for_no_time_is_refused"),
    "Q12": _row("messages are hidden, whoever reads them", f"{_MESSAGES}::test_hiding_takes_it_away_for_a_time_and_again_extends_it", _MODELLED),
    "Q13": _row("messages are deleted, whoever reads them", f"{_MESSAGES}::test_a_message_is_deleted_once", f"{_MESSAGES}::test_many_are_deleted_and_those_that_were_there_are_named"),
    "Q14": _row("a lease that is shown must be the one", f"{_MESSAGES}::test_a_fence_refuses_whoever_lost_the_lease", f"{_MESSAGES}::test_a_fence_in_the_query_of_a_deletion"),
    "Q15": _row("any worker may work messages off", f"{_MESSAGES}::test_any_worker_may_claim_a_message_and_complete_it", f"{_MESSAGES}::test_a_message_that_fails_stays_hidden_until_its_lease_would_have_ended"),
    "Q16": _row("whoever waits is woken when a message becomes visible", "wire/waiting/test_messages_wait.py::test_one_who_waits_is_woken_when_a_delayed_message_becomes_visible"),
    "Q17": _row("messages come in the order of their selection", f"{_MESSAGES}::test_higher_priority_first_then_the_order_of_sending", _MODELLED),
    # topics
    "B1": _row("patterns are checked", f"{_PATTERNS}::test_a_valid_pattern_is_taken", f"{_PATTERNS}::test_an_invalid_pattern_is_refused"),
    "B2": _row("queues, tasks and flows are bound", f"{_FLOW_DOORS}::test_a_flow_is_bound_only_if_it_is_there_and_takes_its_bindings_with_it", f"{_TOPICS}::test_binding_again_is_no_change", f"{_TOPICS}::test_a_target_must_be_there"),
    "B3": _row("and unbound", f"{_TOPICS}::test_unbinding_stops_it_and_again_says_no", f"{_TOPICS}::test_a_binding_is_taken_back_by_its_id"),
    "B4": _row("what matches", f"{_PATTERNS}::test_what_matches"),
    "B5": _row("each target once", f"{_TOPICS}::test_a_copy_for_every_queue_that_matches", f"{_PATTERNS}::test_many_patterns_of_one_target_lead_there_once"),
    "B6": _row("what a message brings goes to every target", f"{_TOPICS}::test_publishing_many", f"{_TOPICS}::test_a_task_gets_a_run_about_what_is_published"),
    "B7": _row("targets are counted, also those where the key was taken", f"{_TOPICS}::test_a_target_where_the_key_is_taken_counts_and_gets_nothing"),
    "B8": _row("many are published together", f"{_TOPICS}::test_publishing_many"),
    "B9": _row("a target that has gone is skipped", f"{_TOPICS}::test_a_queue_takes_its_bindings_with_it", f"{_TOPICS}::test_a_task_takes_its_bindings_with_it"),
    "B10": _row("a target takes its bindings with it", f"{_TOPICS}::test_a_queue_takes_its_bindings_with_it", f"{_TOPICS}::test_a_task_takes_its_bindings_with_it"),
    "B11": _row("all copies, or none", f"{_TOPICS}::test_published_runs_and_messages_pass_no_cap_together", f"{_TOPICS}::test_one_call_makes_a_bounded_number_of_copies"),
    "B12": _row("bindings are listed, also by topic", f"{_TOPICS}::test_a_list_answers_who_would_get_it"),
    # tasks
    "T1": _row("tasks are defined", f"{_TASKS}::test_everything_that_is_said_of_a_task_comes_back", f"{_TASKS}::test_a_create_changes_nothing_of_what_is_there", f"{_TASKS}::test_the_same_again_is_no_change_and_each_change_a_revision"),
    "T2": _row("shown, listed and deleted", f"{_TASKS}::test_lists_are_by_name_in_pages", f"{_TASKS}::test_deleting_succeeds_once", f"{_RUNS}::test_deleting_a_task_deletes_its_runs_in_any_state"),
    "T3": _row("a run waits for a worker", f"{_RUNS}::test_a_run_is_claimed_completed_and_its_output_waited_for"),
    "T4": _row("a task is run", f"{_RUNS}::test_a_run_is_claimed_completed_and_its_output_waited_for", f"{_RUNS}::test_a_task_that_is_not_defined_cannot_be_run"),
    "T5": _row("a delayed run is queued until its time", f"{_RUNS}::test_a_delayed_run_is_queued_until_its_time"),
    "T6": _row("a key holds one run at a time", f"{_RUNS}::test_a_key_holds_one_run_until_that_has_ended", f"{_RUNS}::test_a_key_is_of_its_task_alone", f"{_RUNS}::test_a_run_whose_time_is_over_gives_up_its_key"),
    "T7": _row("runs are claimed in order", f"{_RUNS}::test_runs_are_handed_out_by_priority"),
    "T8": _row("a lease is kept alive", f"{_JOBS}::test_a_lease_is_renewed_from_now", f"{_POLICY}::test_a_heartbeat_past_the_timeout_is_told_so"),
    "T9": _row("a run is completed with its output", f"{_RUNS}::test_a_run_is_claimed_completed_and_its_output_waited_for", f"{_RUNS}::test_input_and_output_are_any_json_and_objects_for_workers"),
    "T10": _row("a run that fails is tried again", f"{_POLICY}::test_a_run_waits_as_its_task_is_defined_now_unless_it_says_otherwise"),
    "T11": _row("its end is waited for, whatever it is", f"{_RUNS}::test_each_end_of_a_run_is_told_apart", "wire/waiting/test_outcomes.py::test_the_commit_that_completes_a_job_answers_who_waits_for_it"),
    "T12": _row("runs are shown and listed", f"{_RUNS}::test_lists_are_newest_first_by_state", f"{_RUNS}::test_a_list_shows_twenty_runs_unless_asked"),
    "T13": _row("a run is cancelled from outside", f"{_RUNS}::test_a_queued_run_is_cancelled_with_its_reason", f"{_RUNS}::test_a_started_run_is_cancelled_and_its_worker_told"),
    "T14": _row("and by its worker", f"{_RUNS}::test_a_worker_cancels_its_own_run", f"{_RUNS}::test_a_worker_whose_lease_is_over_cancels_nothing"),
    "T15": _row("a condition that is not met skips the run", f"{_RUNS}::test_a_run_that_does_not_meet_the_condition_is_skipped"),
    "T17": _row("old runs go as their task says", "core/tasks/test_runs.py::test_runs_are_deleted_when_they_are_older_than_their_task_says"),
    "T18": _row("what follows is stored with the end of a run", "wire/http/resources/test_jobs_then.py::test_the_operations_are_stored_with_the_end_of_the_attempt"),
    "T20": _row("headers come back", f"{_RUNS}::test_headers_come_back_and_must_be_an_object"),
    # policy
    "H1": _row("so many attempts and one", f"{_RUNS}::test_a_run_may_say_otherwise_than_its_task", f"{_JOBS}::test_a_failure_waits_longer_each_time_and_ends_among_the_dead_letters"),
    "H2": _row("full jitter stays in its bounds", "core/jobs/test_policy.py::test_full_jitter_stays_below_its_bounds", "core/jobs/test_policy.py::test_full_jitter_waits_at_least_a_millisecond"),
    "H4": _row("no lease goes past the timeout", f"{_POLICY}::test_a_heartbeat_past_the_timeout_is_told_so"),
    "H7": _row("a breaker opens, tries one and closes", f"{_BREAKERS}::test_failures_in_a_row_open_it", f"{_BREAKERS}::test_half_open_lets_one_attempt_through", "core/breakers/test_model.py::test_a_breaker_does_as_the_reference_does"),
    "H8": _row("the numbers of full jitter", "core/jobs/test_policy.py::test_full_jitter_stays_below_its_bounds"),
    "H10": _row("a bad policy is refused when it is given", f"{_POLICY}::test_a_backoff_that_cannot_be_kept_is_refused_by_name", f"{_TASKS}::test_a_value_that_breaks_its_rule_is_refused"),
    "H11": _row("a worker may decide by itself", f"{_JOBS}::test_a_failure_may_say_when_to_try_again", f"{_JOBS}::test_a_final_failure_is_a_dead_letter_whatever_it_says_of_time"),
    # conditions, by their sections
    "9.1": _row("their grammar", f"{_CONDITIONS}::test_the_parts_of_a_condition", f"{_CONDITIONS}::test_what_is_no_condition_is_refused_with_its_place"),
    "9.2": _row("what they see", f"{_CONDITIONS}::test_every_line_of_the_tables", f"{_TASKS}::test_a_condition_on_what_is_never_there_is_warned_of"),
    "9.3": _row("what holds", f"{_CONDITIONS}::test_every_line_of_the_tables"),
    "9.4": _row("what others do wrong", f"{_CONDITIONS}::test_every_line_of_the_tables"),
    # behaviour, by example
    "V1": _row("a queue made again", f"{_QUEUES}::test_creating_a_known_queue_updates_it"),
    "V2": _row("a body comes back", f"{_MESSAGES}::test_a_read_gives_the_body_back_as_it_was_sent", f"{_MESSAGES}::test_any_json_value_is_a_body"),
    "V3": _row("headers come back, and are objects", f"{_MESSAGES}::test_headers_must_be_an_object", f"{_TOPICS}::test_publishing_many"),
    "V4": _row("many keep their order", f"{_MESSAGES}::test_many_keep_their_order_and_their_count", f"{_TOPICS}::test_publishing_many"),
    "V5": _row("a copy has its topic", f"{_TOPICS}::test_a_copy_for_every_queue_that_matches"),
    "V6": _row("deleted once", f"{_MESSAGES}::test_a_message_is_deleted_once"),
    "V7": _row("hidden for a time", f"{_MESSAGES}::test_hiding_takes_it_away_for_a_time_and_again_extends_it"),
    "V8": _row("a read hides and counts", f"{_MESSAGES}::test_each_read_hides_for_its_time_and_counts"),
    "V9": _row("the same key twice", f"{_MESSAGES}::test_the_same_key_twice_is_one_message_with_the_first_body", f"{_MESSAGES}::test_a_key_is_free_again_when_its_message_has_expired"),
    "V10": _row("priority, delay and expiry", f"{_MESSAGES}::test_higher_priority_first_then_the_order_of_sending", f"{_MESSAGES}::test_a_delayed_message_is_not_read_before_its_time", f"{_MESSAGES}::test_an_expired_message_is_never_read_and_goes"),
    "V11": _row("a read of nothing", f"{_MESSAGES}::test_a_read_of_nothing_for_no_time_is_refused"),
    "V12": _row("a read that waits", "wire/waiting/test_messages_wait.py::test_one_who_waits_is_answered_early_or_empty_in_the_end"),
    "V13": _row("an exact topic", f"{_PATTERNS}::test_what_matches"),
    "V14": _row("wildcards", f"{_PATTERNS}::test_what_matches"),
    "V15": _row("two patterns, one copy", f"{_TOPICS}::test_a_copy_for_every_queue_that_matches"),
    "V16": _row("every bound queue", f"{_TOPICS}::test_a_copy_for_every_queue_that_matches"),
    "V17": _row("unbinding", f"{_TOPICS}::test_unbinding_stops_it_and_again_says_no"),
    "V18": _row("bad and good patterns", f"{_PATTERNS}::test_an_invalid_pattern_is_refused", f"{_PATTERNS}::test_a_valid_pattern_is_taken"),
    "V19": _row("a target that is not there", f"{_TOPICS}::test_a_target_must_be_there"),
    "V20": _row("long literals and a first wildcard", f"{_PATTERNS}::test_what_matches"),
    "V21": _row("case, order and again", f"{_TOPICS}::test_binding_again_is_no_change", f"{_PATTERNS}::test_what_matches"),
    "V22": _row("queues that go meanwhile", f"{_TOPICS}::test_a_queue_takes_its_bindings_with_it", _MODELLED),
    "V23": _row("a task or a flow as a target", f"{_FLOW_DOORS}::test_a_flow_that_is_bound_gets_a_run_about_what_is_published", f"{_TOPICS}::test_a_task_gets_a_run_about_what_is_published"),
    "V24": _row("the table of patterns", f"{_PATTERNS}::test_what_matches", f"{_PATTERNS}::test_a_walk_meets_each_node_once_however_many_patterns_cross"),
    "V25": _row("a run and its output", f"{_RUNS}::test_a_run_is_claimed_completed_and_its_output_waited_for"),
    "V26": _row("runs by priority", f"{_RUNS}::test_runs_are_handed_out_by_priority"),
    "V27": _row("a delayed run", f"{_RUNS}::test_a_delayed_run_is_queued_until_its_time"),
    "V28": _row("headers of a run", f"{_RUNS}::test_headers_come_back_and_must_be_an_object"),
    "V30": _row("a breaker of one failure", f"{_BREAKERS}::test_a_threshold_of_one_lets_the_second_call_through_no_earlier"),
    "V31": _row("a key of a run", f"{_RUNS}::test_a_key_holds_one_run_until_that_has_ended"),
    "V32": _row("three ways to cancel", f"{_RUNS}::test_a_queued_run_is_cancelled_with_its_reason", f"{_RUNS}::test_a_started_run_is_cancelled_and_its_worker_told", f"{_RUNS}::test_a_worker_cancels_its_own_run"),
    "V33": _row("each end is another answer", f"{_RUNS}::test_each_end_of_a_run_is_told_apart"),
    "V35": _row("a skipped run", f"{_RUNS}::test_a_run_that_does_not_meet_the_condition_is_skipped"),
    "V36": _row("fails twice, then succeeds", "core/lifecycle/test_backoff.py::test_a_job_that_fails_twice_waits_for_what_was_drawn"),
    "V37": _row("bounds of the wait", "core/jobs/test_policy.py::test_full_jitter_stays_below_its_bounds"),
    "V38": _row("bad options", f"{_POLICY}::test_a_backoff_that_cannot_be_kept_is_refused_by_name", "wire/http/resources/test_breakers.py::test_a_bad_one_is_refused_by_name", f"{_TASKS}::test_a_value_that_breaks_its_rule_is_refused"),
    "V66": _row("a changed rule moves the next slot", "core/schedules/test_define.py::test_only_another_rule_moves_the_next_slot"),
    "V67": _row("a schedule is deleted once", f"{_SCHEDULES}::test_a_deleted_schedule_is_gone_and_its_jobs_stay", f"{_SCHEDULES}::test_unknown_and_foreign_schedules_are_not_found"),
    "V68": _row("five minutes behind", f"{_FIRE}::test_what_was_missed_is_made_up_for_as_the_schedule_says"),
    "V69": _row("all, in passes", f"{_FIRE}::test_all_that_was_missed_goes_in_passes_and_has_an_end"),
    "V70": _row("two passes, one run", f"{_FIRE}::test_two_passes_over_the_same_due_rows_fire_once"),
    "V71": _row("next slots", "core/schedules/test_cron.py::test_the_next_run_is_the_one_of_the_contract"),
    "V73": _row("eq and ne", f"{_CONDITIONS}::test_a_condition_holds_or_does_not"),
    "V74": _row("numbers", f"{_CONDITIONS}::test_a_condition_holds_or_does_not"),
    "V75": _row("exists", f"{_CONDITIONS}::test_a_condition_holds_or_does_not"),
    "V76": _row("contains", f"{_CONDITIONS}::test_a_condition_holds_or_does_not"),
    "V77": _row("paths, and what is missing", f"{_CONDITIONS}::test_a_condition_holds_or_does_not"),
    "V78": _row("every line of the tables", f"{_CONDITIONS}::test_every_line_of_the_tables"),
    "V79": _row("old runs are deleted and counted", f"{_RUNS}::test_old_runs_are_deleted_by_their_age_and_open_ones_stay", "core/tasks/test_runs.py::test_runs_are_deleted_when_they_are_older_than_their_task_says"),
    "V87": _row("files of every version go up", "storage/test_upgrades.py::test_a_kill_at_any_statement_of_an_upgrade_leaves_the_old_file_or_the_new_one", "storage/test_upgrades.py::test_the_copy_to_go_back_to_is_the_newest_that_this_program_can_open"),
    "V88": _row("bodies of each call and of a batch are checked", f"{_BATCH}::test_when_one_is_refused_nothing_is_stored_and_its_number_is_said", f"{_MESSAGES}::test_lists_that_do_not_belong_together_are_refused"),
    "T16": _row("what follows a failure", f"{_ON_FAIL}::test_it_gets_input_and_failure_is_retried_by_itself_and_the_run_stays_failed"),
    "T21": _row("only after the last attempt", f"{_FOLLOW}::test_every_way_into_the_dead_letters_is_followed", f"{_FOLLOW}::test_a_failure_that_is_retried_is_not_followed", f"{_FOLLOW}::test_what_was_cancelled_or_has_expired_is_not_followed"),
    "T22": _row("input and failure", f"{_FOLLOW}::test_it_is_told_the_input_and_how_the_other_failed"),
    "T23": _row("a policy of its own, and where it stands", f"{_FOLLOW}::test_queue_retries_and_time_are_as_they_were_asked_for", f"{_ON_FAIL}::test_how_it_stands_is_shown_with_the_run_and_the_job"),
    "T24": _row("its end changes nothing", f"{_FOLLOW}::test_its_end_does_not_change_the_job"),
    "T25": _row("a lease of its own", f"{_FOLLOW}::test_a_worker_that_dies_with_it_leaves_it_to_another"),
    "T26": _row("nothing where nothing was said", f"{_FOLLOW}::test_a_job_that_says_nothing_of_it_is_not_followed"),
    "H3": _row("its wait", f"{_FOLLOW}::test_it_waits_by_full_jitter_from_250_ms_unless_something_else_is_said"),
    "H5": _row("hints of parallel runs", f"{_WORKERS}::test_the_tasks_that_a_worker_runs_are_shown_with_hints_for_each"),
    "H6": _row("hints of runs per claim", f"{_WORKERS}::test_the_tasks_that_a_worker_runs_are_shown_with_hints_for_each"),
    "V40": _row("input, failure, attempts 1 and 2", f"{_ON_FAIL}::test_it_gets_input_and_failure_is_retried_by_itself_and_the_run_stays_failed"),
    # renderers and polling
    "R7": _row("a renderer makes fragments of what matches", f"{_RENDER}::test_each_that_matches_makes_one_in_the_order_of_names", f"{_RENDER}::test_a_value_is_no_markup_and_no_template", "core/renderers/test_markup.py::test_elsewhere_it_is_refused_with_the_place", f"{_RENDERERS}::test_what_is_stored_is_shown_and_replaced_as_a_whole", "wire/live/test_renderers.py::test_a_holder_of_a_token_gets_what_is_rendered_and_a_key_the_message", f"{_POLL}::test_every_renderer_that_matches_adds_its_own_and_changes_hold_at_once"),
    "R8": _row("JSON is read first, and what is none drops the fragment", f"{_RENDER}::test_a_path_leads_into_a_message_that_is_json", f"{_RENDER}::test_without_json_only_the_fragment_that_needs_it_is_dropped", "wire/live/test_renderers.py::test_a_fragment_that_fails_is_dropped_alone"),
    "R11": _row("an inbox is polled with a token", f"{_POLL}::test_what_the_token_covers_is_rendered_in_order_and_stays_unseen", f"{_POLL}::test_the_cursor_goes_past_what_is_left_out_and_one_that_is_caught_up_gets_nothing", f"{_POLL}::test_a_token_is_asked_for_and_names_an_identity", f"{_POLL}::test_who_accepts_json_gets_rows_also_those_that_nothing_renders"),
    "V85": _row("401, 400, in order, out of scope, cursor, nothing marked, caught up", f"{_POLL}::test_a_token_is_asked_for_and_names_an_identity", f"{_POLL}::test_what_the_token_covers_is_rendered_in_order_and_stays_unseen", f"{_POLL}::test_the_cursor_goes_past_what_is_left_out_and_one_that_is_caught_up_gets_nothing"),
    # live messages
    "R1": _row("a message is sent to who listens, after the commit or never", f"{_STREAMS}::test_a_message_reaches_every_stream_that_listens_to_its_topic", f"{_COMMIT}::test_nothing_is_sent_of_a_batch_that_is_refused", f"{_STREAMS}::test_what_is_not_as_it_should_be_is_refused"),
    "R2": _row("nobody hears what it sends itself", f"{_STREAMS}::test_a_client_does_not_hear_what_it_sends_itself"),
    "R3": _row("streams of a key, and webhooks", f"{_STREAMS}::test_a_message_reaches_every_stream_that_listens_to_its_topic", "core/webhooks/test_topics.py::test_a_message_is_owed_to_the_webhooks_whose_patterns_match"),
    "R4": _row("tokens", f"{_TOKENS}::test_a_token_grants_what_it_was_made_for", f"{_TOKENS}::test_no_bit_of_a_token_can_be_changed", f"{_TOKENS}::test_a_token_says_nothing_to_who_holds_it", f"{_STREAMS}::test_a_token_ends_with_the_right_to_make_it"),
    "R5": _row("frames of a stream", f"{_STREAMS}::test_no_message_can_begin_a_line_of_its_own", f"{_STREAMS}::test_the_answer_is_that_of_an_event_stream", f"{_STREAMS}::test_a_bad_token_opens_nothing"),
    "R6": _row("a token reaches as far as its patterns", f"{_STREAMS}::test_patterns_are_those_of_bindings"),
    "R9": _row("slow readers", f"{_SLOW}::test_so_many_messages_wait_for_a_reader_and_no_more", f"{_SLOW}::test_a_reader_that_is_stuck_is_cut_off_and_others_go_on"),
    "R10": _row("who is there", f"{_STREAMS}::test_an_identity_is_present_once_until_its_last_stream_has_ended", f"{_STREAMS}::test_who_listens_is_told_when_somebody_comes_and_goes"),
    "R12": _row("open and end", f"{_STREAMS}::test_streams_end_in_order_when_the_server_stops", f"{_STREAMS}::test_a_stream_that_is_silent_is_kept_alive"),
    "15.1": _row("what the server tells, once per transition", f"{_SYSTEM}::test_queues_and_tasks_come_and_go", f"{_SYSTEM}::test_every_end_of_a_run_is_told_once", f"{_SYSTEM}::test_flows_and_their_runs_come_and_go", f"{_SYSTEM}::test_workers_start_and_stop"),
    "V81": _row("tokens there and back, and bad ones", f"{_TOKENS}::test_a_token_grants_what_it_was_made_for", f"{_TOKENS}::test_a_token_is_refused_from_the_moment_it_expires", f"{_TOKENS}::test_what_is_no_token_is_refused"),
    "V82": _row("401, with and without data, patterns", f"{_STREAMS}::test_a_bad_token_opens_nothing", f"{_STREAMS}::test_a_message_reaches_every_stream_that_listens_to_its_topic"),
    "V83": _row("present once, gone with the last", f"{_STREAMS}::test_an_identity_is_present_once_until_its_last_stream_has_ended"),
    "V84": _row("exact, `*`, `#`, payload, no match, own echo", f"{_STREAMS}::test_patterns_are_those_of_bindings", f"{_STREAMS}::test_a_stream_gets_a_message_once_whatever_number_of_patterns_match", f"{_STREAMS}::test_a_client_does_not_hear_what_it_sends_itself"),
    # inboxes
    "N1": _row("a notification is put, with a number above all others", f"{_INBOX}::test_what_is_put_is_read_as_it_was_said_and_stays_unseen", f"{_INBOX}::test_what_is_wrong_is_named_and_nothing_is_stored", "core/inbox/test_inbox.py::test_numbers_grow_and_none_is_given_twice"),
    "N2": _row("what was not seen is read, and a read marks nothing", f"{_INBOX}::test_what_is_put_is_read_as_it_was_said_and_stays_unseen", f"{_INBOX}::test_a_cursor_leads_through_all_of_them_once"),
    "N3": _row("all up to a number are seen", f"{_INBOX}::test_all_up_to_a_number_are_seen_and_again_none", f"{_INBOX}::test_a_full_inbox_is_marked_by_one_call"),
    "N4": _row("named ones are seen", f"{_INBOX}::test_named_ones_are_seen_and_those_of_others_are_passed_over"),
    "N5": _row("only the newest of a key waits", f"{_INBOX}::test_the_newest_of_a_key_takes_the_place_of_the_others"),
    "N6": _row("how long they are kept", "core/inbox/test_inbox.py::test_unseen_ones_wait_for_years", "core/inbox/test_inbox.py::test_seen_ones_are_kept_as_long_as_finished_jobs"),
    "N7": _row("nothing else is needed, and it goes with other operations", f"{_INBOX}::test_a_batch_puts_and_marks", f"{_INBOX}::test_a_worker_tells_a_user_in_the_commit_that_completes_the_job"),
    "V80": _row("append, page, both marks, collapse, expiry, calls at once", f"{_INBOX}::test_a_cursor_leads_through_all_of_them_once", f"{_INBOX}::test_all_up_to_a_number_are_seen_and_again_none", f"{_INBOX}::test_named_ones_are_seen_and_those_of_others_are_passed_over", f"{_INBOX}::test_the_newest_of_a_key_takes_the_place_of_the_others", f"{_INBOX}::test_one_that_has_expired_is_not_read_and_is_removed_by_a_collection", f"{_INBOX}::test_numbers_of_calls_at_once_are_different_and_each_is_higher_than_those_before"),
    # runs of flows: how their steps go on
    # definitions of flows, and who runs them
    "F1": _row("a flow is defined and replaced", f"{_FLOWS}::test_everything_that_is_said_of_a_flow_comes_back", f"{_FLOWS}::test_the_same_again_is_no_change_and_each_change_a_revision", f"{_FLOWS}::test_if_match_wants_the_revision_that_the_flow_has", f"{_FLOWS}::test_what_is_left_out_gets_the_defaults_of_flows", "core/flows/test_run.py::test_a_run_goes_by_the_document_that_its_flow_had_when_it_began"),
    "F2": _row("shown, listed and deleted", f"{_FLOWS}::test_lists_are_by_name_in_pages", f"{_FLOWS}::test_deleting_succeeds_once", f"{_FLOW_RUNS}::test_deleting_a_flow_deletes_its_runs"),
    "F3": _row("four kinds of steps", f"{_FLOWS}::test_the_kind_of_a_step_and_its_source_are_shown", f"{_FLOWS}::test_what_is_said_of_a_step_must_fit_together"),
    "F4": _row("dependencies in any order, in no circle", f"{_CHECKS}::test_what_can_be_run", f"{_CHECKS}::test_what_cannot_be_run_is_said_with_the_flow_and_the_step", f"{_FLOWS}::test_at_most_a_thousand_steps"),
    "F5": _row("which step gives the output", f"{_CHECKS}::test_the_outputs_are_known_steps_with_every_terminal_one", f"{_FLOWS}::test_the_output_is_said_in_one_way"),
    "F6": _row("outputs that are ignored", f"{_CHECKS}::test_what_cannot_be_run_is_said_with_the_flow_and_the_step"),
    "S1": _row("one schedule of a task or a flow", f"{_FLOW_SCHEDULES}::test_the_schedule_of_a_flow_is_put_shown_and_deleted", f"{_FLOW_SCHEDULES}::test_a_schedule_may_name_a_flow", f"{_TASK_SLOTS}::test_putting_it_again_replaces_it_and_recomputes_the_slot_with_the_rule_only"),
    "S2": _row("it is deleted once", f"{_FLOW_SCHEDULES}::test_the_schedule_of_a_flow_is_put_shown_and_deleted", f"{_TASK_SLOTS}::test_it_is_deleted_by_the_name_of_its_task_once"),
    "S3": _row("schedules are listed by what they feed", f"{_FLOW_SCHEDULES}::test_a_schedule_may_name_a_flow"),
    "S10": _row("a slot has one run", f"{_FLOW_SLOTS}::test_two_schedules_of_one_tick_have_one_run", f"{_TASK_SLOTS}::test_two_schedules_of_one_tick_have_one_run"),
    "S11": _row("the slot and the moment are kept", f"{_TASK_SLOTS}::test_a_slot_makes_a_run_of_the_task_with_the_input"),
    "S12": _row("one for all that was missed", f"{_FLOW_SLOTS}::test_what_becomes_of_missed_slots_is_as_it_says"),
    "S13": _row("all that was missed", f"{_FLOW_SLOTS}::test_what_becomes_of_missed_slots_is_as_it_says", f"{_TASK_SLOTS}::test_all_missed_slots_come_in_passes"),
    "S14": _row("nothing that was missed", f"{_FLOW_SLOTS}::test_what_becomes_of_missed_slots_is_as_it_says", f"{_FLOW_SLOTS}::test_with_skip_the_one_slot_that_is_due_fires_within_the_grace_only"),
    "S15": _row("priority of scheduled runs", f"{_FLOW_SLOTS}::test_a_run_has_the_priority_and_the_schedule_the_first_queue"),
    "S16": _row("the history names runs", f"{_FLOW_SCHEDULES}::test_a_slot_becomes_a_run_and_the_trigger_gives_one_too"),
    "G2": _row("runs are kept as long as their flow says", "core/flows/test_retention.py::test_runs_that_ended_go_when_they_are_older_than_their_flow_says", "core/flows/test_retention.py::test_runs_of_a_flow_that_says_nothing_stay_with_other_workflows", "core/flows/test_retention.py::test_a_document_stays_as_long_as_a_flow_or_a_run_has_it"),
    "G3": _row("old runs are deleted", f"{_FLOW_RUNS}::test_old_runs_are_deleted_with_their_steps_and_open_ones_stay"),
    "G4": _row("all runs are deleted", f"{_FLOW_RUNS}::test_all_runs_are_deleted_in_passes_whatever_they_do", "core/flows/test_retention.py::test_items_go_with_their_run"),
    "G5": _row("what was purged is counted", "core/flows/test_retention.py::test_the_collection_counts_runs_that_it_purged"),
    "V61": _row("sources that do not fit", f"{_CHECKS}::test_what_cannot_be_run_is_said_with_the_flow_and_the_step", f"{_FLOWS}::test_what_is_said_of_a_step_must_fit_together"),
    "V63": _row("map and generate exclude each other", f"{_FLOWS}::test_what_is_said_of_a_step_must_fit_together"),
    "V72": _row("over minutes, once a minute", f"{_FLOW_SLOTS}::test_over_minutes_each_slot_is_run_once_however_often_it_is_looked_for"),
    "F7": _row("a run is stored with its steps, and a key holds one", f"{_ACTIVATE}::test_a_run_of_one_step_gives_what_its_worker_gave", f"{_ACTIVATE}::test_an_unfinished_run_with_the_key_is_answered_instead", f"{_ACTIVATE}::test_a_run_whose_time_is_over_lets_its_key_go_and_expires", "core/flows/test_run.py::test_a_run_goes_by_the_document_that_its_flow_had_when_it_began"),
    "F8": _row("what begins with a delayed run is delayed", f"{_ACTIVATE}::test_a_delayed_run_has_begun_and_its_first_steps_wait"),
    "F9": _row("steps have the priority of their run", f"{_ACTIVATE}::test_steps_have_the_priority_of_the_run_unless_they_have_their_own"),
    "F10": _row("independent steps run side by side", f"{_ACTIVATE}::test_steps_run_one_after_the_other_and_side_by_side"),
    "F14": _row("a condition is looked at when a step is activated", f"{_ACTIVATE}::test_a_step_runs_if_its_condition_is_met", f"{_ACTIVATE}::test_conditions_that_look_at_very_much_are_left_to_a_loop"),
    "F15": _row("skipped steps settle in one go", f"{_ACTIVATE}::test_a_chain_of_skipped_steps_settles_in_one_transaction", f"{_ACTIVATE}::test_all_ways_through_a_fork_are_decided_at_once"),
    "F16": _row("the first completed step in their order gives the output", f"{_ACTIVATE}::test_the_first_completed_step_in_the_order_of_the_document_gives_the_output", f"{_ACTIVATE}::test_null_is_an_output"),
    "F17": _row("without an output a run fails", f"{_ACTIVATE}::test_a_run_without_a_step_that_gives_an_output_fails", f"{_RUN_WAITS}::test_a_run_that_gives_nothing_has_failed_at_no_step"),
    "F18": _row("a step that fails ends its run", f"{_FAIL_FAST}::test_a_step_that_fails_for_good_ends_its_run_and_all_other_steps", f"{_FAIL_FAST}::test_the_worker_of_a_sibling_is_told_to_stop_and_refused_from_then_on", f"{_FAIL_FAST}::test_a_run_that_goes_on_closes_only_what_waits_for_the_failed_step"),
    "F19": _row("an output is waited for", f"{_RUN_WAITS}::test_the_end_of_a_run_gives_its_output", f"{_RUN_WAITS}::test_a_failed_run_says_at_which_step_and_why", f"{_RUN_WAITS}::test_a_run_that_expires_answers_who_waits_for_it"),
    "F23": _row("a run expires with its open steps", f"{_EXPIRE}::test_a_run_expires_with_all_its_open_steps", f"{_EXPIRE}::test_no_step_is_handed_out_once_the_time_is_over", f"{_EXPIRE}::test_a_caller_may_have_runs_expire_now"),
    # signals, ends of runs, and what is shown of them
    "F20": _row("runs and steps are shown", f"{_SHOWN_STEPS}::test_a_run_is_shown_with_what_it_was_given_and_how_it_failed", f"{_SHOWN_STEPS}::test_each_kind_of_step_is_shown_as_it_is", f"{_SHOWN_STEPS}::test_steps_are_listed_in_pages_in_their_order", f"{_FLOW_RUNS}::test_lists_are_the_newest_first_and_by_state", f"{_FLOW_RUNS}::test_a_run_is_a_workflow_and_its_steps_are_jobs"),
    "F21": _row("a sibling step is looked at", f"{_SHOWN_STEPS}::test_a_step_of_a_plain_workflow_is_shown_with_every_field", f"{_SHOWN_STEPS}::test_unknown_and_foreign_steps_are_not_found"),
    "F22": _row("a sibling step is waited for", f"{_SHOWN_STEPS}::test_waiting_for_a_step_answers_how_it_stands_or_ended"),
    "F25": _row("a step waits for its dependencies and a signal", f"{_SIGNAL}::test_an_inner_step_waits_for_its_dependencies_and_for_its_signal"),
    "F26": _row("a signal may come early, and the first one counts", f"{_SIGNAL}::test_it_may_come_before_the_dependencies_are_done", f"{_SIGNAL}::test_null_counts_and_the_first_one_wins"),
    "F27": _row("what is not delivered says why", f"{_SIGNAL}::test_each_refusal_says_why", f"{_SIGNAL}::test_a_step_that_can_never_run_takes_no_signal", f"{_SHOWN_STEPS}::test_each_refusal_has_its_reason"),
    "F28": _row("any JSON, and conditions see it", f"{_SIGNAL}::test_a_step_whose_condition_the_signal_does_not_meet_is_skipped", f"{_SHOWN_STEPS}::test_nothing_and_null_are_signals_too"),
    "F29": _row("a first step waits for its signal", f"{_SIGNAL}::test_a_first_step_waits_for_its_signal_and_runs_in_the_same_transaction"),
    "F44": _row("a worker ends its run with an output", f"{_END_RUN}::test_the_run_gives_the_output_and_everything_else_is_closed", f"{_END_RUN}::test_the_worker_of_an_item_may_do_it_for_the_whole_run", f"{_END_RUN}::test_from_a_producer_or_a_reducer_it_is_an_ordinary_failure"),
    "F45": _row("the first one counts", f"{_END_RUN}::test_the_first_one_counts_and_later_ones_are_accepted", f"{_END_RUN}::test_it_is_not_possible_once_the_run_is_cancelled_or_failed"),
    "F46": _row("a cancel closes what waits and stops what runs", f"{_CANCEL_RUN}::test_what_runs_is_told_to_stop_and_the_run_is_canceling_until_then", f"{_CANCEL_RUN}::test_a_step_ends_with_the_last_of_its_items"),
    "F47": _row("canceled when nothing is in flight", f"{_CANCEL_RUN}::test_with_nothing_in_flight_it_is_canceled_at_once", f"{_CANCEL_RUN}::test_a_step_whose_items_nobody_has_is_canceled_with_them"),
    "F48": _row("what finishes first is completed", f"{_CANCEL_RUN}::test_what_runs_is_told_to_stop_and_the_run_is_canceling_until_then"),
    "F49": _row("repeats, and terminal runs", f"{_CANCEL_RUN}::test_the_newest_reason_counts_while_it_is_canceling", f"{_CANCEL_RUN}::test_a_completed_or_failed_run_is_left_alone"),
    "F50": _row("a worker cancels its own run", f"{_CANCEL_RUN}::test_a_worker_cancels_the_run_of_its_own_step", f"{_END_RUN}::test_a_worker_cancels_its_run_with_the_end_of_its_step"),
    "F51": _row("a failure while canceling", f"{_CANCEL_RUN}::test_a_step_that_fails_meanwhile_does_not_fail_the_run"),
    "F52": _row("a job follows a failed run", f"{_RUN_FAILS}::test_a_run_that_gives_no_output_is_followed_and_no_step_is_named", f"{_RUN_FAILS}::test_its_own_end_changes_nothing_of_the_run"),
    "F53": _row("what it is told", f"{_RUN_FAILS}::test_it_is_told_the_input_and_how_the_run_failed"),
    "F54": _row("attempts and input of the step", f"{_RUN_FAILS}::test_of_a_failed_item_it_is_told_the_item", f"{_RUN_FAILS}::test_it_is_told_the_input_and_how_the_run_failed"),
    "F55": _row("completed steps, and what was not there", f"{_RUN_FAILS}::test_without_input_and_signal_it_is_told_of_none", f"{_SHOWN_STEPS}::test_the_output_of_a_step_with_items_is_their_array"),
    "V41": _row("the failed step, or the item", f"{_RUN_FAILS}::test_it_is_told_the_input_and_how_the_run_failed", f"{_RUN_FAILS}::test_of_a_failed_item_it_is_told_the_item"),
    "V46": _row("kinds of steps are shown", f"{_SHOWN_STEPS}::test_each_kind_of_step_is_shown_as_it_is", f"{_FLOWS}::test_everything_that_is_said_of_a_flow_comes_back", f"{_FLOWS}::test_the_kind_of_a_step_and_its_source_are_shown", f"{_FLOW_RUNS}::test_a_run_has_priority_headers_and_a_time_before_which_it_is_not_handed_out"),
    "V48": _row("signals", f"{_SIGNAL}::test_an_inner_step_waits_for_its_dependencies_and_for_its_signal", f"{_SIGNAL}::test_a_first_step_waits_for_its_signal_and_runs_in_the_same_transaction", f"{_SIGNAL}::test_null_counts_and_the_first_one_wins"),
    "V51": _row("cancelling a started run", f"{_CANCEL_RUN}::test_what_runs_is_told_to_stop_and_the_run_is_canceling_until_then", f"{_CANCEL_RUN}::test_a_worker_cancels_the_run_of_its_own_step"),
    "V53": _row("early completion", f"{_END_RUN}::test_completed_steps_stay_and_dependents_never_run", f"{_END_RUN}::test_the_run_gives_the_output_and_everything_else_is_closed"),
    "V86": _row("early completion inside and outside a run", f"{_END_RUN}::test_outside_of_a_run_it_is_an_error", f"{_SHOWN_STEPS}::test_a_run_completed_early_says_so_and_why"),
    "F24": _row("headers are kept with a run and its steps", f"{_ACTIVATE}::test_headers_and_input_are_kept_with_the_run"),
    "F30": _row("a map over the input", f"{_ITEMS}::test_a_map_over_the_input_gives_an_array_in_its_order"),
    "F31": _row("a map over a step, which has to give an array", f"{_ITEMS}::test_a_map_over_a_step_takes_what_that_gave", f"{_ITEMS}::test_a_source_that_is_no_array_fails_the_step_and_the_run"),
    "F34": _row("an empty source gives an empty array", f"{_ITEMS}::test_an_empty_source_completes_the_step_with_an_empty_array"),
    "F35": _row("an item that fails for good fails its step and run", f"{_ITEMS}::test_an_item_out_of_retries_fails_its_step_its_run_and_all_other_items"),
    "F36": _row("the order is that of the indexes", f"{_ITEMS}::test_a_map_over_a_map_takes_the_outputs_of_its_items"),
    "F37": _row("items are completed many at a time", f"{_ITEM_CALLS}::test_one_bad_item_fails_alone"),
    "F38": _row("items are worked on while their producer runs", f"{_GENERATORS}::test_items_are_worked_on_while_the_producer_still_runs", f"{_GENERATORS}::test_a_generator_without_items_gives_an_empty_array"),
    "F39": _row("an offset makes batches repeatable", f"{_GENERATORS}::test_a_batch_that_is_sent_again_adds_nothing", f"{_GENERATORS}::test_a_producer_that_is_retried_keeps_the_items_it_has_made"),
    "F40": _row("a producer out of retries fails the step", f"{_GENERATORS}::test_a_producer_out_of_retries_fails_the_step_with_its_items"),
    "F41": _row("a generator may have dependencies and a signal", f"{_GENERATORS}::test_a_generator_waits_for_its_dependency_and_its_signal"),
    "F43": _row("items first, then the reducer", f"{_MANY_ITEMS}::test_a_map_and_a_generator_are_reduced_in_their_order"),
    "V57": _row("a map over input and over a step", f"{_ITEMS}::test_a_map_over_the_input_gives_an_array_in_its_order", f"{_ITEMS}::test_a_map_over_a_step_takes_what_that_gave"),
    "V58": _row("in order, and not before all are done", f"{_ITEMS}::test_a_map_over_the_input_gives_an_array_in_its_order"),
    "V59": _row("one failing item", f"{_ITEMS}::test_an_item_out_of_retries_fails_its_step_its_run_and_all_other_items"),
    "V60": _row("a reducer over a map and a generator", f"{_MANY_ITEMS}::test_a_map_and_a_generator_are_reduced_in_their_order"),
    "V62": _row("generators with what they wait for", f"{_GENERATORS}::test_a_generator_waits_for_its_dependency_and_its_signal", f"{_GENERATORS}::test_a_producer_out_of_retries_fails_the_step_with_its_items"),
    "V64": _row("many workers, each item once", f"{_ITEMS}::test_many_workers_take_each_item_once"),
    "V65": _row("an empty map and an empty generator", f"{_ITEMS}::test_an_empty_source_completes_the_step_with_an_empty_array", f"{_GENERATORS}::test_a_generator_without_items_gives_an_empty_array"),
    "V42": _row("one step, a chain, a diamond", f"{_ACTIVATE}::test_a_run_of_one_step_gives_what_its_worker_gave", f"{_ACTIVATE}::test_steps_run_one_after_the_other_and_side_by_side"),
    "V43": _row("the order of outputs, not of ends", f"{_ACTIVATE}::test_the_first_completed_step_in_the_order_of_the_document_gives_the_output"),
    "V44": _row("no candidate", f"{_ACTIVATE}::test_a_run_without_a_step_that_gives_an_output_fails"),
    "V45": _row("a delayed run", f"{_ACTIVATE}::test_a_delayed_run_has_begun_and_its_first_steps_wait"),
    "V47": _row("a key of a run of a flow", f"{_ACTIVATE}::test_an_unfinished_run_with_the_key_is_answered_instead", f"{_ACTIVATE}::test_a_run_that_has_ended_lets_its_key_go"),
    "V49": _row("conditions of steps", f"{_ACTIVATE}::test_a_step_runs_if_its_condition_is_met", f"{_ACTIVATE}::test_all_ways_through_a_fork_are_decided_at_once"),
    "V50": _row("a dependency that may be skipped", f"{_FLOWS}::test_an_impossible_definition_names_the_flow_and_the_step", f"{_GIVEN}::test_a_skipped_parent_is_named_and_an_ignored_one_is_not", "wire/http/resources/test_flows.py::test_an_impossible_definition_names_the_flow_and_the_step"),
    "V55": _row("an output that is ignored", f"{_CHECKS}::test_what_cannot_be_run_is_said_with_the_flow_and_the_step", f"{_ACTIVATE}::test_a_condition_does_not_see_outputs_that_the_step_ignores", f"{_GIVEN}::test_an_ignored_parent_that_was_skipped_is_not_named", "wire/http/resources/test_flows.py::test_an_impossible_definition_names_the_flow_and_the_step"),
    "V52": _row("a failure stops a running sibling", f"{_FAIL_FAST}::test_the_worker_of_a_sibling_is_told_to_stop_and_refused_from_then_on"),
    # what workers of steps are given, and how they claim them
    "F11": _row("input, signal and outputs in their order", f"{_GIVEN}::test_a_worker_is_given_the_input_and_what_the_steps_before_have_made", f"{_GIVEN}::test_what_is_given_comes_in_the_order_in_which_a_step_names_its_parents", f"{_GIVEN}::test_the_signal_is_given_also_when_it_is_null", "wire/grpc/test_steps.py::test_a_dequeue_gives_the_envelope_as_the_payload"),
    "F12": _row("outputs of items are an array in their order", f"{_GIVEN_ITEMS}::test_what_comes_after_a_map_is_given_an_array_in_the_order_of_the_items", f"{_GIVEN_ITEMS}::test_an_empty_map_is_an_empty_array"),
    "F13": _row("a skipped dependency is declared, and named", f"{_CHECKS}::test_what_cannot_be_run_is_said_with_the_flow_and_the_step", f"{_GIVEN}::test_a_skipped_parent_is_named_and_an_ignored_one_is_not", f"{_GIVEN_ITEMS}::test_a_skipped_map_is_named_and_no_array"),
    "F32": _row("items are claimed one by one", "core/lifecycle/test_claim_steps.py::test_without_a_phase_a_claim_gets_a_step_and_its_items", "core/breakers/test_steps.py::test_the_items_of_a_step_have_its_limits"),
    "F33": _row("what an item is given", f"{_GIVEN_ITEMS}::test_an_item_is_given_its_value_and_what_its_step_is_given", f"{_GIVEN_ITEMS}::test_an_item_of_a_map_over_the_input_is_given_the_input_only_if_the_step_says_so"),
    "F42": _row("what a reducer is given", f"{_GIVEN_ITEMS}::test_a_reducer_is_told_what_it_folds_and_not_given_it"),
    "W2": _row("a worker names its handlers", f"{_WORKERS}::test_the_tasks_that_a_worker_runs_are_shown_with_hints_for_each", f"{_WORKERS}::test_the_steps_that_a_worker_runs_are_shown_with_hints_for_each"),
    "W5": _row("claims by handlers, and they wait", "core/lifecycle/test_claim_steps.py::test_named_steps_and_tasks_come_in_one_order_under_one_lease", "wire/waiting/test_claims_of_steps.py::test_a_step_answers_the_claim_that_waits_for_it"),
    "W6": _row("the bound of an attempt ends its renewals", f"{_STEPS}::test_the_bound_of_an_attempt_is_kept_for_a_step"),
    "W7": _row("what has not begun is handed back uncounted", f"{_STEPS}::test_an_answer_has_room_for_some_jobs_and_the_others_go_back_uncounted"),
    "W8": _row("a handler is told to stop", "core/steps/test_fail_fast.py::test_the_worker_of_a_sibling_is_told_to_stop_and_refused_from_then_on"),
    "V54": _row("a step is watched to its end", "wire/http/resources/test_steps.py::test_a_step_of_a_plain_workflow_is_shown_with_every_field", "wire/http/resources/test_steps.py::test_waiting_for_a_step_answers_how_it_stands_or_ended"),
    "V56": _row("the breaker of a step", "core/breakers/test_steps.py::test_the_breaker_of_a_step_denies_it_in_every_run_and_nothing_else", "core/breakers/test_model.py::test_a_breaker_does_as_the_reference_does"),
    # what was there before tasks and flows, and serves them too
    "S4": _row("a schedule is paused and resumed", f"{_FIRE}::test_a_paused_schedule_does_not_fire", f"{_FIRE}::test_a_slot_that_comes_again_after_a_resume_makes_no_second_job"),
    "S5": _row("the grammar of cron", f"{_CRON}::test_a_bad_expression_is_refused_with_the_field_and_what_is_wrong", f"{_CRON}::test_two_ways_to_write_the_same_rule_have_the_same_slots"),
    "S6": _row("either day field", f"{_CRON}::test_a_restriction_that_allows_every_date_still_makes_either_day_field_do", f"{_CRON}::test_one_restricted_day_field_decides_alone"),
    "S7": _row("steps count from the least of a field", f"{_CRON}::test_the_next_run_is_the_one_of_the_contract"),
    "S8": _row("the next slot", f"{_CRON}::test_a_slot_is_after_a_moment_within_its_second", f"{_CRON}::test_an_expression_that_can_never_fire_parses_and_has_no_slot"),
    "S9": _row("nothing fires twice", f"{_FIRE}::test_two_passes_over_the_same_due_rows_fire_once"),
    "G1": _row("one pass does everything in its order", "core/maintenance/test_collect.py::test_each_kind_has_its_pass_in_order"),
    "G6": _row("the server does it by itself", "core/maintenance/test_safety.py::test_it_finds_nothing_while_the_loops_do_their_work"),
    "G7": _row("ended rows are listed by their end", "wire/http/resources/test_jobs_list.py::test_finished_jobs_are_listed_by_their_end_and_exact_state"),
    "W1": _row("a worker registers", f"{_WORKERS}::test_registering_answers_how_to_stay_alive"),
    "W4": _row("a worker says that it is there", f"{_WORKERS}::test_a_heartbeat_is_acknowledged", "core/workers/test_register.py::test_a_heartbeat_brings_an_offline_worker_back"),
    "W9": _row("workers are listed", f"{_WORKERS}::test_the_list_takes_filters_and_pages"),
    "W10": _row("a claim that waits is answered when something is due", "wire/waiting/test_claims_of_steps.py::test_a_step_answers_the_claim_that_waits_for_it"),
    "W11": _row("each row goes to one worker", f"{_ITEMS}::test_many_workers_take_each_item_once"),
    "U1": _row("the dashboard", "dashboard/test_every_page.py::test_people_with_disabilities_can_use_it"),
    "U2": _row("a terminal", "cli/watch/test_top.py::test_one_look_shows_the_queues_and_the_server"),
    "U3": _row("the command migrate", "cli/test_migrate.py::test_up_applies_what_is_left_and_keeps_the_file_as_it_was"),
    "U4": _row("migrations are listed", "cli/test_migrate.py::test_a_file_that_is_up_to_date_says_so"),
    "U5": _row("metrics", "test_metrics.py::test_every_metric_is_in_the_document_and_nothing_else_is"),
    "U6": _row("calls that go together", f"{_BATCH}::test_all_of_it_is_stored_and_each_is_answered"),
    "U7": _row("effects commit with the acknowledgement", "crash/test_kill_then.py::test_what_follows_a_job_survives_a_kill_with_it_or_not_at_all", f"{_BATCH}::test_when_one_is_refused_nothing_is_stored_and_its_number_is_said"),
    "U10": _row("logs", "test_logs.py::test_a_line_of_json_is_one_object"),
    "15.2": _row("what a wait for an end says", "wire/waiting/test_outcomes.py::test_a_job_that_is_cancelled_or_expires_has_ended", "wire/waiting/test_outcomes.py::test_when_the_time_is_up_the_answer_says_how_things_stand"),
}
# What this server cannot show by itself.
ELSEWHERE: Final[dict[str, str]] = {
    "W3": "what a library does when it starts",
    "W12": "how a worker asks that cannot wait: an ordinary claim",
    "U8": "the API is what any language may use",
    "U9": "how a library lays out its calls",
    "T19": "what a handler raises is a failure: its library says so",
    "H9": "how often a library asks again when it gets no answer",
    "V29": "as T19",
    "V34": "what a handler can ask its library",
    "V39": "how a worker stops: its library",
}
# What stands in the contract and is not built. A row leaves with the change that builds it.
NOT_YET: Final[dict[str, str]] = {}
# fmt: on


def several(letter: str, span: tuple[int, int]) -> list[str]:
    first, last = span
    return [f"{letter}{n}" for n in range(first, last + 1)]


ALL: Final = (
    *several("Q", (1, 17)),
    *several("B", (1, 12)),
    *several("T", (1, 26)),
    *several("H", (1, 11)),
    *several("F", (1, 55)),
    *several("S", (1, 16)),
    *several("G", (1, 7)),
    *several("W", (1, 12)),
    *several("R", (1, 12)),
    *several("N", (1, 7)),
    *several("U", (1, 10)),
    *several("V", (1, 88)),
    *("9.1", "9.2", "9.3", "9.4", "15.1", "15.2"),
)
