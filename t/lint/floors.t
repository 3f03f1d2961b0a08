#!/bin/sh
# Every file includes project headers of strictly lower floors only.
echo "1..0 # SKIP not written yet"
