;; memory.fill, copy, init and data.drop: which passive segments were dropped is part of the machine's state.
(module
  ;; include report.wat
  (data $greeting "hello, bulk memory")
  (data $once "\01\02\03\04\05\06\07\08")
  (data $active (i32.const 512) "\ff\ee\dd\cc")

  (func $sum (param $from i32) (param $count i32) (result i64) (local $sum i64)
    (loop $next
      (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (i64.load8_u (local.get $from))))
      (local.set $from (i32.add (local.get $from) (i32.const 1)))
      (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
    (local.get $sum))

  (func (export "_start") (local $i i32)
    (call $expect (i64.load32_u (i32.const 512)) (i64.const 0xccddeeff))
    (memory.init $greeting (i32.const 0) (i32.const 0) (i32.const 18))
    (call $work (i32.const 3))
    (memory.init $once (i32.const 100) (i32.const 0) (i32.const 8))
    (data.drop $once)
    (call $work (i32.const 3))
    ;; a segment that is not dropped can be used again and again, on both sides of a stop
    (loop $next
      (memory.init $greeting (i32.add (i32.const 200) (i32.mul (local.get $i) (i32.const 5))) (local.get $i) (i32.const 5))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10))))
    (call $say (call $sum (i32.const 200) (i32.const 50)))
    (memory.copy (i32.const 3) (i32.const 0) (i32.const 18)) ;; overlapping
    (memory.fill (i32.const 300) (i32.const 0xab) (i32.const 70))
    (call $say (call $sum (i32.const 0) (i32.const 30)))
    (call $expect (i64.load (i32.const 330)) (i64.const 0xabababababababab))
    (call $expect (i64.load (i32.const 100)) (i64.const 0x0807060504030201))
    (memory.init $once (i32.const 0) (i32.const 0) (i32.const 0))
    (memory.init $active (i32.const 0) (i32.const 0) (i32.const 0))
    (data.drop $active)
    (call $pass)))
