;; Children, one after the other, each of which changes all that a process has and ends in its own way: memory, its size, globals,
;; segments. The next child has none of that: it is what its parent is.
(module
  (import "wasix_32v1" "proc_fork" (func $proc_fork (param i32 i32) (result i32)))
  (import "wvm" "waitpid" (func $waitpid (param i32 i32 i32 i32) (result i32)))
  ;; include report.wat
  (type $void (func))
  (table $table 2 funcref)
  (elem (table $table) (i32.const 0) func $one $two)
  (data $once "\01\02\03\04\05\06\07\08")
  (data $kept "kept")
  (elem $functions func $one $two)
  (global $number (mut i32) (i32.const 7))
  (global $nan (mut f64) (f64.const nan:0x4000000000001))
  (global $vector (mut v128) (v128.const i64x2 0x0102030405060708 0x1112131415161718))
  (global $function (mut funcref) (ref.func $one))
  (global $parent (mut i32) (i32.const 1))

  (func $one (export "one"))
  (func $two (export "two"))

  ;; As the parent left it.
  (func $check (local $at i32) (local $sum i64)
    (call $expect (i64.extend_i32_u (memory.size)) (i64.const 3))
    (loop $next
      (local.set $sum (i64.add (local.get $sum) (i64.load (local.get $at))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4096))) (i32.const 196608))))
    ;; One word of the pages' first ones holds something.
    (call $expect (local.get $sum) (i64.const 0x5555))
    (call $expect (i64.extend_i32_u (global.get $number)) (i64.const 8))
    (call $expect (i64.reinterpret_f64 (global.get $nan)) (i64.const 0x7ff4000000000001))
    (call $expect (i64x2.extract_lane 0 (global.get $vector)) (i64.const 0x0102030405060708))
    (call $expect (i64x2.extract_lane 1 (global.get $vector)) (i64.const 0x1112131415161718))
    (call $expect (i64.extend_i32_u (ref.is_null (global.get $function))) (i64.const 0))
    (call_indirect $table (type $void) (i32.const 1))
    (memory.init $once (i32.const 128) (i32.const 0) (i32.const 8))
    (call $expect (i64.load (i32.const 128)) (i64.const 0x0807060504030201)))

  (func $dirty
    (memory.fill (i32.const 0) (i32.const 0xee) (i32.const 65280))
    (memory.fill (i32.const 65536) (i32.const 0xee) (i32.const 131072))
    (global.set $number (i32.const -1))
    (global.set $nan (f64.const 1))
    (global.set $vector (v128.const i64x2 0 0))
    (global.set $function (ref.null func)))

  (func $deep (param $left i32)
    (if (i32.eqz (local.get $left)) (then (call $dirty) (unreachable)))
    (call $deep (i32.sub (local.get $left) (i32.const 1)))
    (global.set $number (i32.const 3)))

  (func $child (param $kind i32)
    (call $check)
    (call $work (i32.const 2))
    (if (i32.eq (local.get $kind) (i32.const 1)) (then (drop (memory.grow (i32.const 1)))))
    (if (i32.eq (local.get $kind) (i32.const 2)) (then (data.drop $once)))
    (if (i32.eq (local.get $kind) (i32.const 3)) (then (call $deep (i32.const 5))))
    (if (i32.eq (local.get $kind) (i32.const 4)) (then (elem.drop $functions)))
    (call $dirty)
    (call $proc_exit (local.get $kind)))

  ;; The status of a child of that kind; its bits above the exit code, too, are the signal's.
  (func $run (param $kind i32) (result i64)
    (call $expect (i64.extend_i32_u (call $proc_fork (i32.const 1) (i32.const 16))) (i64.const 0))
    (if (i32.eqz (i32.load (i32.const 16))) (then (global.set $parent (i32.const 0)) (call $child (local.get $kind))))
    (call $expect (i64.extend_i32_u (call $waitpid (i32.const -1) (i32.const 24) (i32.const 0) (i32.const 28))) (i64.const 0))
    (i64.load32_u (i32.const 24)))

  (func (export "_start") (local $round i32) (local $kind i32)
    (drop (memory.grow (i32.const 2)))
    (i64.store (i32.const 135168) (i64.const 0x5555))
    (global.set $number (i32.const 8))
    (loop $again
      (local.set $kind (i32.const 0))
      (loop $next
        (call $say (call $run (local.get $kind)))
        (br_if $next (i32.lt_u (local.tee $kind (i32.add (local.get $kind) (i32.const 1))) (i32.const 6))))
      ;; What the parent changes the next children have.
      (i64.store (i32.const 135168) (i64.const 0x5555))
      (memory.init $kept (i32.const 140000) (i32.const 0) (i32.const 4))
      (br_if $again (i32.lt_u (local.tee $round (i32.add (local.get $round) (i32.const 1))) (i32.const 2))))
    (data.drop $kept)
    (call $say (call $run (i32.const 0)))
    (call $say (call $run (i32.const 0)))
    (call $check)
    (call $pass)))
