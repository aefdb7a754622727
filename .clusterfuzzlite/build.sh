#!/bin/bash -eu
# Builds every fuzz target into $OUT, each with its seeds, the inputs that broke it once, the dictionary and its options.
# Called by ClusterFuzzLite and OSS-Fuzz, which set SRC, OUT and the flags of the sanitizer.

cd "$SRC/siospec"
cargo fuzz build --release --debug-assertions

host=$(rustc -vV | sed -n 's/^host: //p')
for target in $(cargo fuzz list); do
  cp "fuzz/target/$host/release/$target" "$OUT/$target"
  cp fuzz/socketio.dict "$OUT/$target.dict"
  printf '[libfuzzer]\nmax_len = 4096\ntimeout = 25\nrss_limit_mb = 2048\n' > "$OUT/$target.options"

  # A target writes its own seeds when it starts. It runs here only for that.
  corpus=$(mktemp -d)
  SIOSPEC_SEEDS="$corpus" ASAN_OPTIONS=detect_leaks=0 LLVM_PROFILE_FILE=/dev/null "$OUT/$target" -runs=0 > /dev/null
  if [ -d "fuzz/regressions/$target" ]; then
    cp "fuzz/regressions/$target"/* "$corpus/"
  fi
  # Zipped from a list on standard input: a corpus may have more files than a command line has room.
  find "$corpus" -type f | zip -q -j "$OUT/${target}_seed_corpus.zip" -@
  rm -r "$corpus"
done
