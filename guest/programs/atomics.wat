;; Atomic operations of one thread, on a memory that is not shared: loads, stores, read-modify-write, fence, notify.
(module
  ;; include report.wat
  (func (export "_start") (local $i i32)
    (loop $next
      (drop (i32.atomic.rmw.add (i32.const 8) (local.get $i)))
      (drop (i64.atomic.rmw.xor (i32.const 16) (i64.extend_i32_u (i32.mul (local.get $i) (i32.const 77)))))
      (drop (i32.atomic.rmw8.sub_u (i32.const 24) (i32.const 3)))
      (drop (i64.atomic.rmw16.or_u (i32.const 32) (i64.extend_i32_u (local.get $i))))
      (drop (i32.atomic.rmw.cmpxchg (i32.const 40) (local.get $i) (i32.add (local.get $i) (i32.const 1))))
      (atomic.fence)
      (call $work (i32.const 1))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 40))))
    (call $expect (i64.extend_i32_u (i32.atomic.load (i32.const 8))) (i64.const 780))
    (call $say (i64.atomic.load (i32.const 16)))
    (call $expect (i64.extend_i32_u (i32.atomic.load8_u (i32.const 24))) (i64.const 136))
    (call $expect (i64.atomic.load16_u (i32.const 32)) (i64.const 63))
    (call $expect (i64.extend_i32_u (i32.atomic.load (i32.const 40))) (i64.const 40))
    (i64.atomic.store (i32.const 48) (i64.const -2))
    (call $expect (i64.atomic.rmw.xchg (i32.const 48) (i64.const 9)) (i64.const -2))
    (call $expect (i64.extend_i32_u (memory.atomic.notify (i32.const 48) (i32.const 1))) (i64.const 0))
    (call $pass)))
