#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# mix.sh: what a shell does with files, pipes, sockets and processes, over and over: the same few paths of the kernel
# again and again, where the workload beside it takes many paths a few times each. For bench/run.
#
# Usage: mix.sh ROUNDS      a round: 34 million instructions of the kernel, 27 million of programs
rounds=${1:?usage: mix.sh ROUNDS}

# A tree is made, copied, searched, packed, and taken away.
files() {
	mkdir -p d/a d/b
	for f in 1 2 3 4 5 6 7 8; do
		seq "$f" 200 >"d/a/$f"
		ln -s "../a/$f" "d/b/$f"
	done
	cp -r d e
	find e -type f | sort | xargs md5sum | md5sum
	grep -r 17 e | wc -l
	tar c d | tar t | wc -l
	mv e/a/1 e/c
	rm -r d e
}

pipes() {
	seq 1000 | sed s/1/x/ | sort | uniq | tail -n 1
	dd if=/dev/zero bs=4k count=32 2>/dev/null | sha256sum
}

# echo_line LINE: to the server and back; at first it may not listen yet.
echo_line() {
	until echo "$1" | nc 127.0.0.1 999; do :; done
}

processes() (
	for _ in 1 2 3 4; do
		sh -c 'cat /proc/self/status /proc/meminfo | awk "{ n += \$2 } END { print NR }"' &
	done
	wait
)

mkdir /tmp/mix
cd /tmp/mix || exit
ifconfig lo up
nc -ll -p 999 -e cat &
server=$!
n=0
while [ "$n" -lt "$rounds" ]; do
	files
	pipes
	echo_line "round $n"
	processes
	n=$((n + 1))
done
kill "$server"
