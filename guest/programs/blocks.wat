;; Blocks, loops and ifs with parameters and several results; br_table that carries values; branches out of deep nests.
(module
  ;; include report.wat

  (func $pair (param i64 i32) (result i64 i32)
    (call $work (i32.const 1))
    (i64.add (local.get 0) (i64.const 1))
    (i32.add (local.get 1) (i32.const 2)))
  (func $swap (param i64 i32) (result i32 i64)
    (call $work (i32.const 1))
    (local.get 1)
    (local.get 0))
  (func $weigh (param i64 i32 i64) (result i64)
    (i64.add (i64.mul (local.get 0) (i64.extend_i32_s (local.get 1))) (local.get 2)))

  ;; A loop with parameters: the running sum and the counter travel on the operand stack.
  (func $loop_parameters (param $n i32) (result i64) (local $counter i32)
    i64.const 0
    local.get $n
    (loop $again (param i64 i32) (result i64)
      local.tee $counter
      i64.extend_i32_u
      i64.add
      call $i64
      (local.tee $counter (i32.sub (local.get $counter) (i32.const 1)))
      (br_if $again (call $i32 (local.get $counter)))
      drop))

  ;; Two results of a call feed a block with two parameters, which feeds an if with two parameters.
  (func $several (param $flag i32) (result i64)
    i64.const 100
    (call $pair (i64.const 10) (i32.const 20))
    (block $b (param i64 i32) (result i32 i64)
      (if (param i64 i32) (result i32 i64) (call $i32 (local.get $flag))
        (then
          call $pair
          call $pair
          call $swap)
        (else
          call $swap
          br $b))
      (call $work (i32.const 2)))
    call $weigh)

  ;; br_table with a value: each target adds its own weight; an operand waits below all of it.
  (func $table (param $n i32) (result i64)
    i64.const 9000
    (block $default (result i64)
      (block $two (result i64)
        (block $one (result i64)
          (block $zero (result i64)
            (br_table $zero $one $two $one $default (call $i64 (i64.const 1)) (call $i32 (local.get $n))))
          (i64.add (call $i64 (i64.const 10))))
        (i64.add (call $i64 (i64.const 100))))
      (i64.add (call $i64 (i64.const 1000))))
    i64.add)

  ;; br_table back to loops and out of blocks, as compilers make of a switch in a loop.
  (func $dispatch (result i64) (local $state i32) (local $steps i64)
    (block $done
      (loop $outer
        (loop $inner
          (local.set $steps (i64.add (local.get $steps) (i64.const 1)))
          (call $work (i32.const 1))
          (local.set $state (i32.add (i32.mul (local.get $state) (i32.const 5)) (i32.const 3)))
          (br_table $inner $outer $inner $outer $outer $inner $done
            (i32.rem_u (i32.and (local.get $state) (i32.const 0xffff)) (i32.const 7))))))
    (local.get $steps))

  ;; Twelve nested blocks with results, left from the middle by a branch over half of them.
  (func $deep (param $n i32) (result i32)
    i32.const 1
    (block $a (result i32) i32.const 2
      (block $b (result i32) i32.const 4
        (block $c (result i32) i32.const 8
          (block $d (result i32) i32.const 16
            (block $e (result i32) i32.const 32
              (block $f (result i32)
                (call $i32 (i32.const 64))
                (br_if $b (call $i32 (i32.eq (local.get $n) (i32.const 1))))
                (br_if $e (call $i32 (i32.eq (local.get $n) (i32.const 2))))
                (br_if $a (call $i32 (i32.eq (local.get $n) (i32.const 3)))))
              i32.add)
            call $i32
            i32.add)
          i32.add)
        i32.add)
      call $i32
      i32.add)
    i32.add)

  ;; A block type given by an index with an empty side, an empty loop that is left at once, dead code after br.
  (func $odd (param $n i32) (result i32)
    (block (result i32)
      (call $i32 (local.get $n))
      (block (param i32) drop)
      (loop $l
        (br_if 1 (call $i32 (i32.const 5)) (call $i32 (i32.const 1)))
        drop
        br $l
        i32.const 1
        (loop (param i32) (call $work) (br 0 (i32.const 1)))
        unreachable)
      i32.const 9))

  (func (export "_start")
    (call $expect (call $loop_parameters (i32.const 12)) (i64.const 78))
    (call $expect (call $several (i32.const 1)) (i64.const 2613))
    (call $expect (call $several (i32.const 0)) (i64.const 2211))
    (call $expect (call $table (i32.const 0)) (i64.const 10111))
    (call $expect (call $table (i32.const 1)) (i64.const 10101))
    (call $expect (call $table (i32.const 2)) (i64.const 10001))
    (call $expect (call $table (i32.const 3)) (i64.const 10101))
    (call $expect (call $table (i32.const 99)) (i64.const 9001))
    (call $say (call $dispatch))
    (call $expect (i64.extend_i32_u (call $deep (i32.const 0))) (i64.const 127))
    (call $expect (i64.extend_i32_u (call $deep (i32.const 1))) (i64.const 67))
    (call $expect (i64.extend_i32_u (call $deep (i32.const 2))) (i64.const 95))
    (call $expect (i64.extend_i32_u (call $deep (i32.const 3))) (i64.const 65))
    (call $expect (i64.extend_i32_u (call $odd (i32.const 3))) (i64.const 5))
    (call $pass)))
