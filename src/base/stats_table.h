/* SPDX-License-Identifier: BSD-2-Clause */
/* One row a counter: STATS(identifier, "name", "what it counts"). */

STATS(SESSIONS, "sessions", "SMTP connections")
STATS(CONNECTIONS_REFUSED, "connections_refused",
    "connections closed at once for want of descriptors or threads")
STATS(MESSAGES, "messages", "messages whose sender was given (MAIL)")
STATS(SKIPPED_TRUSTED, "skipped_trusted", "messages of trusted networks")
STATS(SKIPPED_AUTH, "skipped_auth", "messages of authenticated clients")
STATS(SKIPPED_LOCAL, "skipped_local", "messages without a client address")
STATS(SKIPPED_POLICY, "skipped_policy",
    "messages of which the policy wants nothing checked")
STATS(EVALUATIONS, "evaluations", "SPF evaluations begun")
STATS(EVALUATIONS_CACHED, "evaluations_cached",
    "evaluations that found every DNS answer in the cache")
STATS(EVALUATIONS_CANCELLED, "evaluations_cancelled",
    "evaluations whose client left")
STATS(EVALUATIONS_LATE, "evaluations_late",
    "evaluations not ready when the reply was due, answered as temperror")
STATS(EVALUATIONS_REFUSED, "evaluations_refused",
    "evaluations answered as temperror because too many were in flight")
STATS(RESULT_NONE, "result_none", "results none")
STATS(RESULT_NEUTRAL, "result_neutral", "results neutral")
STATS(RESULT_PASS, "result_pass", "results pass")
STATS(RESULT_FAIL, "result_fail", "results fail")
STATS(RESULT_SOFTFAIL, "result_softfail", "results softfail")
STATS(RESULT_TEMPERROR, "result_temperror", "results temperror")
STATS(RESULT_PERMERROR, "result_permerror", "results permerror")
STATS(ACCEPTED, "accepted", "checked messages let through")
STATS(TAGGED, "tagged", "messages let through with the marks of a tag")
STATS(QUARANTINED, "quarantined", "messages that the MTA was asked to hold")
STATS(SPARED_SIGNED, "spared_signed",
    "messages not refused for an aligned DKIM signature")
STATS(SPARED_DMARC, "spared_dmarc",
    "messages not refused but left to a DMARC policy")
STATS(TEMPFAILED, "tempfailed", "messages refused with 4xx")
STATS(REJECTED, "rejected", "messages refused with 5xx")
STATS(WOULD_REFUSE_2, "would_refuse_2",
    "messages let through that behavior 2 would refuse")
STATS(WOULD_REFUSE_3, "would_refuse_3", "the same, behavior 3")
STATS(WOULD_REFUSE_4, "would_refuse_4", "the same, behavior 4")
STATS(WOULD_REFUSE_5, "would_refuse_5", "the same, behavior 5")
STATS(WOULD_REFUSE_6, "would_refuse_6", "the same, behavior 6")
STATS(EXCUSED_GRACE, "excused_grace",
    "messages let through because their temperror has lasted too long")
STATS(EXCUSED_OUTAGE, "excused_outage",
    "messages let through with temperror because our own DNS failed")
STATS(RELAYED, "relayed", "messages from relays of ours")
STATS(EXCUSED_RELAY, "excused_relay",
    "messages of relays let through that would have been refused")
STATS(EXCUSED_FORWARDER, "excused_forwarder",
    "messages of forwarders let through with fail or softfail")
STATS(EXCUSED_CLIENT, "excused_client",
    "messages of relays let through since they do not tell the client")
STATS(GRACE_EVICTED, "grace_evicted",
    "deferred senders forgotten for want of room")
STATS(BREAKER_OPENED, "breaker_opened",
    "times that temperrors were found to be our own fault")
STATS(BAD_IDENTITY, "bad_identity",
    "HELO names and senders that no lookup fits")
STATS(BAD_RECORD, "bad_record", "SPF records with an error")
STATS(WIDE_OPEN, "wide_open", "results of records that pass everybody")
STATS(SOURCE_LOCAL_POLICY, "source_local_policy",
    "results of the local policy")
STATS(SOURCE_GUESS, "source_guess",
    "guesses for domains without an SPF record, results none")
STATS(OWN_RECORD_ERRORS, "own_record_errors",
    "evaluations of local_policy or best_guess that an error has ended")
STATS(HEADERS_DELETED, "headers_deleted",
    "forged Authentication-Results fields removed")
STATS(HEADERS_CUT, "headers_cut", "header values cut because of their length")
STATS(DNS_QUERIES, "dns_queries", "queries given to the resolver")
STATS(DNS_CACHE_HITS, "dns_cache_hits", "answers found in the cache")
STATS(DNS_SHARED, "dns_shared", "waits for a query already under way")
STATS(DNS_STALE, "dns_stale",
    "answers given after their time to live, for want of an answer")
STATS(DNS_TIMEOUTS, "dns_timeouts", "names without an answer in time")
STATS(DNS_NO_SERVER, "dns_no_server",
    "times that no name server answered any more")
STATS(DNS_OVERFLOW, "dns_overflow",
    "names not asked because too many of the client were in flight")
STATS(DNS_CANCELLED, "dns_cancelled",
    "names not asked because nobody waited for them any more")
STATS(DNS_FAILURES, "dns_failures", "answers that were DNS errors")
STATS(DNS_BOGUS, "dns_bogus", "answers that failed DNSSEC validation")
STATS(DNS_EVICTED, "dns_evicted", "answers evicted from the full cache")
STATS(DNS_BAD_ANSWERS, "dns_bad_answers", "answers with malformed data")
STATS(LIMIT_LOOKUPS, "limit_lookups", "evaluations over the DNS lookup limit")
STATS(LIMIT_VOID, "limit_void", "evaluations over the void lookup limit")
STATS(LIMIT_QUERIES, "limit_queries", "evaluations over the query limit")
STATS(PROTOCOL_ERRORS, "protocol_errors",
    "callbacks that broke the order of the milter protocol")
STATS(LOG_DROPPED, "log_dropped",
    "log lines that were not taken in time and are lost")
STATS(LISTS_CHANGED, "lists_changed", "changed lists taken up")
STATS(LISTS_REFUSED, "lists_refused", "changed lists refused for their errors")
STATS(EXPRESSIONS_STOPPED, "expressions_stopped",
    "regular expressions of lists that took too many steps")
STATS(RELOADS, "reloads", "configurations reloaded")
STATS(RELOADS_FAILED, "reloads_failed", "reloads refused for their errors")
