# SPDX-License-Identifier: BSD-2-Clause
# Mail of doubtful senders goes to the spam folder.
require ["fileinto", "index", "mailbox"];

# Only the first Received-SPF is that of our own server; the sender of the
# mail may have written the others.
if anyof (
    header :index 1 :matches "Received-SPF" ["softfail *", "fail *"],
    header :is "X-Spam-Flag" "YES"
) {
	fileinto :create "Junk";
	stop;
}
