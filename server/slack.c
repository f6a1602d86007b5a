/*
 * slack - see slack.h. Called by the main thread's loop in server.c.
 */
#include "server/slack.h"

#include <malloc.h>

bool slack_look(struct slack *slack, uint64_t turnover, uint64_t now_ms)
{
    if (now_ms < slack->look_ms) {
        return false;
    }
    bool burst = turnover - slack->trimmed >= SLACK_TURNOVER_MIN;
    bool rest = turnover - slack->seen <= SLACK_REST_MAX;
    slack->seen = turnover;
    slack->look_ms = now_ms + (burst && !rest ? SLACK_BURST_MS : SLACK_QUIET_MS);
    if (!burst || !rest) {
        return false;
    }
    slack->trimmed = turnover;
    return true;
}

uint64_t slack_tend(struct slack *slack, uint64_t turnover, uint64_t now_ms)
{
    if (slack_look(slack, turnover, now_ms)) {
        (void)malloc_trim(0);
    }
    return slack->look_ms;
}
