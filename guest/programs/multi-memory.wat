;; Three memories, one unexported and one that grows; copies between them.
(module
  ;; include report.wat
  (memory $other 1 4)
  (memory $third 0 3)
  (data $text "other memory")

  (func $sum (param $from i32) (param $count i32) (result i64) (local $sum i64)
    (loop $next
      (local.set $sum
        (i64.add (i64.mul (local.get $sum) (i64.const 31)) (i64.load8_u $third (local.get $from))))
      (local.set $from (i32.add (local.get $from) (i32.const 1)))
      (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
    (local.get $sum))

  (func (export "_start") (local $i i32)
    (memory.init $other $text (i32.const 10) (i32.const 0) (i32.const 12))
    (call $expect (i64.load8_u $other (i32.const 10)) (i64.const 0x6f))
    (call $expect (i64.extend_i32_u (memory.grow $third (i32.const 2))) (i64.const 0))
    (loop $next
      (i64.store $other (i32.shl (local.get $i) (i32.const 3)) (i64.mul (i64.extend_i32_u (local.get $i)) (i64.const 0x123456789)))
      (i64.store $third offset=65536 (i32.shl (local.get $i) (i32.const 3)) (i64.load $other (i32.shl (local.get $i) (i32.const 3))))
      (call $work (i32.const 1))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 30))))
    (memory.copy $third $other (i32.const 0) (i32.const 64) (i32.const 64))
    (memory.copy $memory $third (i32.const 8) (i32.const 65552) (i32.const 32))
    (memory.fill $other (i32.const 0) (i32.const 7) (i32.const 16))
    (call $say (call $sum (i32.const 0) (i32.const 64)))
    (call $say (call $sum (i32.const 65536) (i32.const 100)))
    (call $expect (i64.load (i32.const 16)) (i64.const 0x369D0369B))
    (call $expect (i64.load $other (i32.const 8)) (i64.const 0x0707070707070707))
    (call $expect (i64.extend_i32_u (memory.size $third)) (i64.const 2))
    (call $expect (i64.extend_i32_s (memory.grow $third (i32.const 2))) (i64.const -1))
    (call $expect (i64.extend_i32_u (memory.grow $other (i32.const 1))) (i64.const 1))
    (call $work (i32.const 2))
    (call $expect (i64.load $other offset=65536 (i32.const 8)) (i64.const 0))
    (call $pass)))
