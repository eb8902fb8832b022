namespace FunctionalWs.Fuzz

open System
open System.Collections.Concurrent
open FSharp.Reflection

/// What was expected did not happen: which rule was broken, and how.
exception Broken of Rule: string * Detail: string with
    override broken.Message = $"{broken.Rule}: {broken.Detail}"

/// What an execution went through, as one number: inputs that lead to a new one are kept.
[<Sealed>]
type Trail() =
    let mutable signature = 0xCBF29CE484222325UL

    member _.Note(value: int) =
        signature <- (signature ^^^ uint64 (uint32 value)) * 0x100000001B3UL

    /// A number's magnitude: 0, 1, 2–3, 4–7 and so on.
    member trail.NoteSize(size: int64) =
        trail.Note(if size <= 0L then 0 else 1 + int (Math.Log2(float size)))

    member _.Signature = signature
    member _.Clear() = signature <- 0xCBF29CE484222325UL

module Oracle =

    let private tags = ConcurrentDictionary<Type, obj -> int>()

    /// Which case of its union a value is.
    let tag (value: 'union) : int =
        let read =
            tags.GetOrAdd(typeof<'union>, Func<_, _>(FSharpValue.PreComputeUnionTagReader))

        read (box value)

    let fail (rule: string) (detail: string) : 'a = raise (Broken(rule, detail))

    let holds (rule: string) (isTrue: bool) (detail: unit -> string) : unit =
        if not isTrue then
            fail rule (detail ())

    let agree (rule: string) (expected: 'a) (found: 'a) : unit =
        if expected <> found then
            fail rule $"expected {expected}, found {found}"

    let private allocated (work: unit -> 'a) : struct ('a * int64) =
        let before = GC.GetAllocatedBytesForCurrentThread()
        let result = work ()
        struct (result, GC.GetAllocatedBytesForCurrentThread() - before)

    /// Runs something that may allocate so many bytes. What runs for the first time may need more: that doesn't count.
    let within (limit: int64) (work: unit -> 'a) : 'a =
        let rec attempt count =
            let struct (result, bytes) = allocated work

            if bytes <= limit then
                result
            elif count > 0 then
                attempt (count - 1)
            else
                fail "memory" $"{bytes} bytes were allocated, {limit} are allowed"

        attempt 3
