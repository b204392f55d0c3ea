;; Operands of every type below calls, blocks, ifs and loops: all of them must be there again after the safe point.
(module
  ;; include report.wat

  (func $mix6 (param i32 i64 f32 f64 i32 i64) (result i64)
    (i64.xor
      (i64.xor
        (i64.extend_i32_u (local.get 0))
        (i64.rotl (local.get 1) (i64.const 5)))
      (i64.xor
        (i64.xor (i64.extend_i32_u (i32.reinterpret_f32 (local.get 2))) (i64.reinterpret_f64 (local.get 3)))
        (i64.add (i64.extend_i32_u (local.get 4)) (local.get 5)))))

  ;; Six operands of four types wait below a call without parameters.
  (func $below_call (result i64)
    i32.const 7
    i64.const 1000000000000
    f32.const -0
    f64.const nan:0x4000000000001
    i32.const 3
    i64.const -5
    (call $work (i32.const 4))
    call $mix6)

  ;; Every argument of a call is itself a call, so that the stack below grows one by one.
  (func $growing (result i64)
    (call $mix6
      (call $i32 (i32.const 7))
      (call $i64 (i64.const 1000000000000))
      (call $f32 (f32.const -0))
      (call $f64 (f64.const nan:0x4000000000001))
      (call $i32 (i32.const 3))
      (call $i64 (i64.const -5))))

  ;; Operands stay below nested blocks; the inner blocks leave by fall through, br and br_if.
  (func $below_blocks (param $n i32) (result i64)
    i64.const 1
    (block $a (result i64)
      i64.const 10
      (block $b (result i64)
        (call $i64 (i64.const 100))
        (br_if $b (call $i32 (i32.and (local.get $n) (i32.const 1))))
        (drop)
        (call $i64 (i64.const 200))
        (br_if $a (call $i32 (i32.and (local.get $n) (i32.const 2))))
        (i64.add (call $i64 (i64.const 300))))
      i64.add)
    i64.add)

  ;; An if with a result above an operand, with a safe point in the condition and in both arms.
  (func $arms (param $n i32) (result i64)
    i64.const 5000
    (if (result i64) (call $i32 (i32.and (local.get $n) (i32.const 1)))
      (then
        i64.const 1
        (call $i64 (i64.const 2))
        i64.add)
      (else
        i64.const 30
        (if (result i64) (call $i32 (i32.and (local.get $n) (i32.const 2)))
          (then (call $i64 (i64.const 4)))
          (else (call $work (i32.const 1)) i64.const 7))
        i64.add))
    i64.add)

  ;; A loop with operands below it, which calls while more operands are below the call.
  (func $below_loop (param $n i32) (result i64) (local $sum i64)
    i64.const 77
    i32.const 9
    (loop $again
      i64.const 3
      (call $i64 (i64.extend_i32_u (local.get $n)))
      i64.mul
      local.get $sum
      i64.add
      local.set $sum
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    i64.extend_i32_u
    i64.add
    local.get $sum
    i64.add)

  ;; select, local.tee and memory operands around safe points.
  (func $tees (result i64) (local $a i64) (local $b i64)
    (i64.store offset=8 (call $i32 (i32.const 16)) (local.tee $a (call $i64 (i64.const 11))))
    (i64.add
      (select (call $i64 (i64.const 40)) (local.tee $b (call $i64 (i64.const 50))) (call $i32 (i32.const 0)))
      (i64.add
        (i64.mul (local.get $a) (i64.load (call $i32 (i32.const 24))))
        (select (result i64) (call $i64 (local.get $b)) (i64.const 1) (call $i32 (i32.const 1))))))

  (func (export "_start")
    (call $expect (call $below_call) (i64.const 0x800be2e5eb5dfff8))
    (call $expect (call $growing) (i64.const 0x800be2e5eb5dfff8))
    (call $expect (call $below_blocks (i32.const 0)) (i64.const 511))
    (call $expect (call $below_blocks (i32.const 1)) (i64.const 111))
    (call $expect (call $below_blocks (i32.const 2)) (i64.const 201))
    (call $expect (call $arms (i32.const 0)) (i64.const 5037))
    (call $expect (call $arms (i32.const 1)) (i64.const 5003))
    (call $expect (call $arms (i32.const 2)) (i64.const 5034))
    (call $expect (call $below_loop (i32.const 5)) (i64.const 131))
    (call $expect (call $tees) (i64.const 221))
    (call $pass)))
