;; The hash table of id-index.ts: from ids of 32 bytes to the numbers in which they came. $ids begins with a room for what the caller
;; gives (0 … 327679); the ids follow, one after the other in the order of their numbers. $slots is open addressing:
;;
;;   slot:  0  number + 1 u32, or 0: free     4  hash of the id u32
;;
;; What has another hash need not be looked at where it lies.
(module
  (memory $ids (export "ids") 5 65536)
  (memory $slots (export "slots") 0 65536)

  ;; The key of the hash, a word for each word of an id.
  (global $k0 (export "key0") (mut i64) (i64.const 0))
  (global $k1 (export "key1") (mut i64) (i64.const 0))
  (global $k2 (export "key2") (mut i64) (i64.const 0))
  (global $k3 (export "key3") (mut i64) (i64.const 0))

  ;; Keyed: nobody who makes up ids can make them meet in one slot.
  (func $hash (param $at i32) (result i32)
    (i32.wrap_i64 (i64.shr_u
      (i64.add
        (i64.mul
          (i64.add (i64.load $ids offset=0 (local.get $at)) (global.get $k0))
          (i64.add (i64.rotl (i64.load $ids offset=8 (local.get $at)) (i64.const 32)) (global.get $k1)))
        (i64.mul
          (i64.add (i64.load $ids offset=16 (local.get $at)) (global.get $k2))
          (i64.add (i64.rotl (i64.load $ids offset=24 (local.get $at)) (i64.const 32)) (global.get $k3))))
      (i64.const 32))))

  (func $same (param $a i32) (param $b i32) (result i32)
    (i32.eqz (v128.any_true (v128.or
      (v128.xor (v128.load $ids offset=0 (local.get $a)) (v128.load $ids offset=0 (local.get $b)))
      (v128.xor (v128.load $ids offset=16 (local.get $a)) (v128.load $ids offset=16 (local.get $b)))))))

  ;; The slot of an id, or the free one where it would be put. $mask: the length of all slots less one.
  (func $slotOf (param $at i32) (param $hash i32) (param $mask i32) (result i32)
    (local $slot i32) (local $number i32)
    (local.set $slot (i32.and (i32.shl (local.get $hash) (i32.const 3)) (local.get $mask)))
    (loop $next
      (local.set $number (i32.load $slots offset=0 (local.get $slot)))
      (if (i32.eqz (local.get $number)) (then (return (local.get $slot))))
      (if (i32.eq (i32.load $slots offset=4 (local.get $slot)) (local.get $hash))
        (then
          (if (call $same (local.get $at) (call $place (i32.sub (local.get $number) (i32.const 1))))
            (then (return (local.get $slot))))))
      (local.set $slot (i32.and (i32.add (local.get $slot) (i32.const 8)) (local.get $mask)))
      (br $next))
    (unreachable))

  (func $place (param $number i32) (result i32)
    (i32.add (i32.shl (local.get $number) (i32.const 5)) (i32.const 327680)))

  ;; Copies $count ids, $stride bytes apart, out of the room of the caller to their places from $first on.
  (func (export "take") (param $first i32) (param $stride i32) (param $count i32)
    (local $from i32) (local $to i32)
    (local.set $to (call $place (local.get $first)))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (v128.store $ids offset=0 (local.get $to) (v128.load $ids offset=0 (local.get $from)))
        (v128.store $ids offset=16 (local.get $to) (v128.load $ids offset=16 (local.get $from)))
        (local.set $from (i32.add (local.get $from) (local.get $stride)))
        (local.set $to (i32.add (local.get $to) (i32.const 32)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next))))

  ;; Puts the ids $first … $end - 1 into slots, but for those that are there under another number. How many are new.
  (func (export "put") (param $first i32) (param $end i32) (param $mask i32) (result i32)
    (local $hash i32) (local $slot i32) (local $new i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $first) (local.get $end)))
        (local.set $hash (call $hash (call $place (local.get $first))))
        (local.set $slot (call $slotOf (call $place (local.get $first)) (local.get $hash) (local.get $mask)))
        (local.set $first (i32.add (local.get $first) (i32.const 1)))
        (br_if $next (i32.load $slots (local.get $slot)))
        (i32.store $slots offset=0 (local.get $slot) (local.get $first))
        (i32.store $slots offset=4 (local.get $slot) (local.get $hash))
        (local.set $new (i32.add (local.get $new) (i32.const 1)))
        (br $next)))
    (local.get $new))

  ;; The number of the id at $at in the room of the caller, or -1.
  (func (export "find") (param $at i32) (param $mask i32) (result i32)
    (i32.sub
      (i32.load $slots (call $slotOf (local.get $at) (call $hash (local.get $at)) (local.get $mask)))
      (i32.const 1)))

  ;; How many of $count ids at $at in the room of the caller, 32 bytes apart, are those of $number, $number + 1, …
  (func (export "matching") (param $at i32) (param $number i32) (param $count i32) (result i32)
    (local $place i32) (local $end i32) (local $from i32)
    (local.set $from (local.get $at))
    (local.set $place (call $place (local.get $number)))
    (local.set $end (i32.add (local.get $at) (i32.shl (local.get $count) (i32.const 5))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (br_if $done (i32.eqz (call $same (local.get $at) (local.get $place))))
        (local.set $at (i32.add (local.get $at) (i32.const 32)))
        (local.set $place (i32.add (local.get $place) (i32.const 32)))
        (br $next)))
    (i32.shr_u (i32.sub (local.get $at) (local.get $from)) (i32.const 5))))
