/// What pages take from Expecto, without it.
namespace Expecto

module Expect =

    let private check (isRight: bool) (problem: string) : unit =
        if not isRight then
            failwith problem

    let equal (actual: 'T) (expected: 'T) (message: string) : unit =
        check (actual = expected) $"{message}: expected {expected}, got {actual}"

    let isTrue (actual: bool) (message: string) : unit = check actual message

    let throwsC (f: unit -> unit) (inspect: exn -> unit) : unit =
        let thrown =
            try
                f ()
                None
            with error ->
                Some error

        match thrown with
        | Some error -> inspect error
        | None -> failwith "nothing was thrown"
