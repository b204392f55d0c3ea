  ;; Output of the guests written in WAT; the build puts this text where a module says ";; include report.wat".
  ;; The last 256 bytes of the first page of $memory are scratch space; the rest is the program's.
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory $memory (export "memory") 1)
  (global $ticks (mut i32) (i32.const 0))

  ;; Writes the first $length bytes of the scratch text.
  (func $write (param $length i32)
    (i32.store (i32.const 65280) (i32.const 65300))
    (i32.store (i32.const 65284) (local.get $length))
    (if (call $fd_write (i32.const 1) (i32.const 65280) (i32.const 1) (i32.const 65288))
      (then (call $proc_exit (i32.const 2)))))

  ;; Prints $value as 16 hexadecimal digits.
  (func $say (param $value i64) (local $i i32) (local $digit i32)
    (local.set $i (i32.const 16))
    (loop $next
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (local.set $digit (i32.and (i32.wrap_i64 (local.get $value)) (i32.const 15)))
      (i32.store8 (i32.add (i32.const 65300) (local.get $i))
        (i32.add (local.get $digit)
          (select (i32.const 48) (i32.const 87) (i32.lt_u (local.get $digit) (i32.const 10)))))
      (local.set $value (i64.shr_u (local.get $value) (i64.const 4)))
      (br_if $next (local.get $i)))
    (i32.store8 (i32.const 65316) (i32.const 10))
    (call $write (i32.const 17)))

  ;; Prints $actual; ends the program with status 1 when it is not $wanted.
  (func $expect (param $actual i64) (param $wanted i64)
    (call $say (local.get $actual))
    (if (i64.ne (local.get $actual) (local.get $wanted))
      (then
        (i64.store (i32.const 65300) (i64.const 0x0a4c494146)) ;; "FAIL\n"
        (call $write (i32.const 5))
        (call $proc_exit (i32.const 1)))))

  (func $pass
    (i64.store (i32.const 65300) (i64.const 0x0a53534150)) ;; "PASS\n"
    (call $write (i32.const 5)))

  ;; Places to be stopped in: loops that pass their argument through.
  (func $work (param $rounds i32)
    (loop $next
      (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
      (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))
      (i32.const 0)
      (i32.gt_s)
      (br_if $next)))
  (func $i32 (param $value i32) (result i32) (call $work (i32.const 2)) (local.get $value))
  (func $i64 (param $value i64) (result i64) (call $work (i32.const 2)) (local.get $value))
  (func $f32 (param $value f32) (result f32) (call $work (i32.const 2)) (local.get $value))
  (func $f64 (param $value f64) (result f64) (call $work (i32.const 2)) (local.get $value))
