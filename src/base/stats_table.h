/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is counted.  METRIC("name", "what it is") begins a metric, which has one
 * or more rows STATS(identifier, "key in the log", "labels", BY): those that it
 * always has, and one that tells the cells of the row apart (enum stats_by).
 * HISTOGRAM(identifier, "name", "what it is") has times in seconds.
 */

METRIC("spf_milter_sessions", "SMTP connections")
STATS(SESSIONS, "sessions", "", NOTHING)
METRIC("spf_milter_sessions_ended", "SMTP connections that have ended")
STATS(SESSIONS_ENDED, "sessions_ended", "", NOTHING)
METRIC("spf_milter_connections_refused",
    "Connections closed at once for want of descriptors or threads")
STATS(CONNECTIONS_REFUSED, "connections_refused", "", NOTHING)
METRIC("spf_milter_messages", "Messages whose sender was given (MAIL)")
STATS(MESSAGES, "messages", "", NOTHING)
METRIC("spf_milter_messages_skipped", "Messages that were not checked")
STATS(SKIPPED_TRUSTED, "skipped_trusted", "reason=\"trusted\"", NOTHING)
STATS(SKIPPED_AUTH, "skipped_auth", "reason=\"authenticated\"", NOTHING)
STATS(SKIPPED_LOCAL, "skipped_local", "reason=\"local\"", NOTHING)
STATS(SKIPPED_POLICY, "skipped_policy", "reason=\"policy\"", NOTHING)
METRIC("spf_milter_messages_relayed", "Messages from relays of ours")
STATS(RELAYED, "relayed", "", NOTHING)

METRIC("spf_milter_evaluations", "SPF evaluations begun")
STATS(EVALUATIONS, "evaluations", "", NOTHING)
METRIC("spf_milter_evaluations_cached",
    "Evaluations that found every DNS answer in the cache")
STATS(EVALUATIONS_CACHED, "evaluations_cached", "", NOTHING)
METRIC("spf_milter_evaluations_unfinished",
    "Evaluations given up: the client has left, the reply was due, "
    "too many were under way")
STATS(EVALUATIONS_CANCELLED, "evaluations_cancelled", "reason=\"cancelled\"",
    NOTHING)
STATS(EVALUATIONS_LATE, "evaluations_late", "reason=\"late\"", NOTHING)
STATS(EVALUATIONS_REFUSED, "evaluations_refused", "reason=\"refused\"",
    NOTHING)
METRIC("spf_milter_results", "SPF results by the identity that was checked")
STATS(RESULT_NONE, "result_none", "result=\"none\"", IDENTITY)
STATS(RESULT_NEUTRAL, "result_neutral", "result=\"neutral\"", IDENTITY)
STATS(RESULT_PASS, "result_pass", "result=\"pass\"", IDENTITY)
STATS(RESULT_FAIL, "result_fail", "result=\"fail\"", IDENTITY)
STATS(RESULT_SOFTFAIL, "result_softfail", "result=\"softfail\"", IDENTITY)
STATS(RESULT_TEMPERROR, "result_temperror", "result=\"temperror\"", IDENTITY)
STATS(RESULT_PERMERROR, "result_permerror", "result=\"permerror\"", IDENTITY)
METRIC("spf_milter_local_results",
    "Results that are the local policy's, or a guess")
STATS(SOURCE_LOCAL_POLICY, "source_local_policy", "source=\"local_policy\"",
    NOTHING)
STATS(SOURCE_GUESS, "source_guess", "source=\"guess\"", NOTHING)
METRIC("spf_milter_local_errors",
    "Evaluations of local_policy or best_guess that an error has ended")
STATS(OWN_RECORD_ERRORS, "own_record_errors", "", NOTHING)
METRIC("spf_milter_wide_open_results", "Results of records that pass everybody")
STATS(WIDE_OPEN, "wide_open", "", NOTHING)
METRIC("spf_milter_bad_records", "SPF records with an error")
STATS(BAD_RECORD, "bad_record", "", NOTHING)

METRIC("spf_milter_actions",
    "What was done with checked messages, by the level in force")
STATS(ACCEPTED, "accepted", "action=\"accept\"", LEVEL)
STATS(TAGGED, "tagged", "action=\"tag\"", LEVEL)
STATS(QUARANTINED, "quarantined", "action=\"quarantine\"", LEVEL)
STATS(TEMPFAILED, "tempfailed", "action=\"tempfail\"", LEVEL)
STATS(REJECTED, "rejected", "action=\"reject\"", LEVEL)
METRIC("spf_milter_would_refuse",
    "Messages let through that another level of behavior would refuse")
STATS(WOULD_REFUSE_2, "would_refuse_2", "level=\"2\"", NOTHING)
STATS(WOULD_REFUSE_3, "would_refuse_3", "level=\"3\"", NOTHING)
STATS(WOULD_REFUSE_4, "would_refuse_4", "level=\"4\"", NOTHING)
STATS(WOULD_REFUSE_5, "would_refuse_5", "level=\"5\"", NOTHING)
STATS(WOULD_REFUSE_6, "would_refuse_6", "level=\"6\"", NOTHING)
METRIC("spf_milter_messages_spared",
    "Messages not refused for a DKIM signature or a DMARC policy")
STATS(SPARED_SIGNED, "spared_signed", "by=\"dkim\"", NOTHING)
STATS(SPARED_DMARC, "spared_dmarc", "by=\"dmarc\"", NOTHING)
METRIC("spf_milter_messages_excused",
    "Messages let through that their result would have refused")
STATS(EXCUSED_GRACE, "excused_grace", "excuse=\"grace\"", NOTHING)
STATS(EXCUSED_OUTAGE, "excused_outage", "excuse=\"outage\"", NOTHING)
STATS(EXCUSED_RELAY, "excused_relay", "excuse=\"relay\"", NOTHING)
STATS(EXCUSED_FORWARDER, "excused_forwarder", "excuse=\"forwarder\"", NOTHING)
STATS(EXCUSED_CLIENT, "excused_client", "excuse=\"client\"", NOTHING)
METRIC("spf_milter_grace_evictions",
    "Deferred senders forgotten for want of room")
STATS(GRACE_EVICTED, "grace_evicted", "", NOTHING)
METRIC("spf_milter_breaker_openings",
    "Times that temperrors were found to be our own fault")
STATS(BREAKER_OPENED, "breaker_opened", "", NOTHING)
METRIC("spf_milter_headers_deleted",
    "Forged Authentication-Results fields removed")
STATS(HEADERS_DELETED, "headers_deleted", "", NOTHING)
METRIC("spf_milter_headers_cut", "Header values cut because of their length")
STATS(HEADERS_CUT, "headers_cut", "", NOTHING)

METRIC("spf_milter_hostile_input", "Input that was refused: HELO names and "
    "senders that no lookup fits, malformed data in DNS answers, messages "
    "with too many forged fields, callbacks out of order, regular "
    "expressions of lists that took too many steps")
STATS(BAD_IDENTITY, "bad_identity", "kind=\"identity\"", NOTHING)
STATS(DNS_BAD_ANSWERS, "dns_bad_answers", "kind=\"dns_answer\"", NOTHING)
STATS(FORGED_FIELDS, "forged_fields", "kind=\"forged_fields\"", NOTHING)
STATS(PROTOCOL_ERRORS, "protocol_errors", "kind=\"protocol\"", NOTHING)
STATS(EXPRESSIONS_STOPPED, "expressions_stopped", "kind=\"expression\"",
    NOTHING)
METRIC("spf_milter_limits_hit",
    "Evaluations over a limit: of DNS lookups, of void ones, of questions")
STATS(LIMIT_LOOKUPS, "limit_lookups", "limit=\"lookups\"", NOTHING)
STATS(LIMIT_VOID, "limit_void", "limit=\"void_lookups\"", NOTHING)
STATS(LIMIT_QUERIES, "limit_queries", "limit=\"queries\"", NOTHING)

METRIC("spf_milter_dns_queries_started", "Queries given to the resolver")
STATS(DNS_QUERIES, "dns_queries", "", TYPE)
METRIC("spf_milter_dns_queries", "Queries that have ended, each once")
STATS(DNS_ANSWERED, "dns_answered", "outcome=\"answer\"", TYPE)
STATS(DNS_NODATA, "dns_nodata", "outcome=\"nodata\"", TYPE)
STATS(DNS_NXDOMAIN, "dns_nxdomain", "outcome=\"nxdomain\"", TYPE)
STATS(DNS_SERVFAIL, "dns_servfail", "outcome=\"servfail\"", TYPE)
STATS(DNS_REFUSED, "dns_refused", "outcome=\"refused\"", TYPE)
STATS(DNS_TIMEOUTS, "dns_timeouts", "outcome=\"timeout\"", TYPE)
STATS(DNS_BOGUS, "dns_bogus", "outcome=\"bogus\"", TYPE)
STATS(DNS_UNREACHED, "dns_unreached", "outcome=\"no_server\"", TYPE)
STATS(DNS_UNUSABLE, "dns_unusable", "outcome=\"unusable\"", TYPE)
STATS(DNS_UNRESOLVED, "dns_unresolved", "outcome=\"resolver\"", TYPE)
METRIC("spf_milter_dns_failures",
    "Answers that were DNS errors, late ones included")
STATS(DNS_FAILURES, "dns_failures", "", NOTHING)
METRIC("spf_milter_dns_not_asked",
    "Names not asked: too many of the client were in flight, or nobody "
    "waited for them any more")
STATS(DNS_OVERFLOW, "dns_overflow", "reason=\"overflow\"", NOTHING)
STATS(DNS_CANCELLED, "dns_cancelled", "reason=\"cancelled\"", NOTHING)
METRIC("spf_milter_dns_shared", "Waits for a query already under way")
STATS(DNS_SHARED, "dns_shared", "", NOTHING)
METRIC("spf_milter_dns_stale",
    "Answers given after their time to live, for want of an answer")
STATS(DNS_STALE, "dns_stale", "", NOTHING)
METRIC("spf_milter_dns_outages",
    "Times that no name server answered any more")
STATS(DNS_NO_SERVER, "dns_no_server", "", NOTHING)
METRIC("spf_milter_dns_cache_hits", "Answers found in the cache")
STATS(DNS_CACHE_HITS, "dns_cache_hits", "", NOTHING)
METRIC("spf_milter_dns_cache_evictions", "Answers evicted from the full cache")
STATS(DNS_EVICTED, "dns_evicted", "", NOTHING)

METRIC("spf_milter_log_dropped",
    "Log lines that were not taken in time and are lost")
STATS(LOG_DROPPED, "log_dropped", "", NOTHING)
METRIC("spf_milter_log_suppressed",
    "Warnings and errors not written since their kind came too often")
STATS(LOG_SUPPRESSED, "log_suppressed", "", NOTHING)
METRIC("spf_milter_list_changes",
    "Changed lists taken up, or refused for their errors")
STATS(LISTS_CHANGED, "lists_changed", "outcome=\"ok\"", NOTHING)
STATS(LISTS_REFUSED, "lists_refused", "outcome=\"failed\"", NOTHING)
METRIC("spf_milter_reloads",
    "Configurations reloaded, or refused for their errors")
STATS(RELOADS, "reloads", "outcome=\"ok\"", NOTHING)
STATS(RELOADS_FAILED, "reloads_failed", "outcome=\"failed\"", NOTHING)

HISTOGRAM(EVALUATION_TIME, "spf_milter_evaluation_seconds",
    "Time from the begin to the end of an SPF evaluation")
HISTOGRAM(LOOKUP_TIME, "spf_milter_lookup_seconds",
    "Time of other lookups: names of clients, DMARC policies")
HISTOGRAM(WAIT_TIME, "spf_milter_wait_seconds",
    "Time that mail was held for DNS answers; what was not held is not here")
HISTOGRAM(DNS_TIME, "spf_milter_dns_query_seconds",
    "Time from a query to its answer, or to its end without one")
