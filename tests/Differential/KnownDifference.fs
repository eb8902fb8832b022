namespace FunctionalWs.Differential

open System
open System.IO

/// A line of the list of known differences: a pattern, and what there is to say about it.
type KnownDifference = {
    Peers: string list
    Causes: string list
    Ours: string list
    Theirs: string list
    Messages: string list
    Pongs: string list
    /// The standard and its section.
    Section: string
    /// Who is right: ours, theirs or both.
    Right: string
    Why: string
}

module KnownDifference =

    let private words (text: string) : string list =
        text.Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries)
        |> List.ofArray

    let private parse (file: string) (number: int) (line: string) : KnownDifference =
        match line.Split('|', StringSplitOptions.TrimEntries) with
        | [| peers; causes; ends; messages; pongs; section; right; why |] when ends.Contains '>' ->
            let ends = ends.Split '>'

            {
                Peers = words peers
                Causes = words causes
                Ours = words ends[0]
                Theirs = words ends[1]
                Messages = words messages
                Pongs = words pongs
                Section = section
                Right = right
                Why = why
            }
        | _ ->
            raise (FormatException $"{file}, line {number}: not eight columns, or no > in the third: {line}")

    /// The lines of a file but for empty ones and those that begin with #.
    let load (file: string) : KnownDifference list =
        File.ReadAllLines file
        |> List.ofArray
        |> List.indexed
        |> List.filter (fun (_, line) -> line.Trim() <> "" && not (line.StartsWith '#'))
        |> List.map (fun (index, line) -> parse file (index + 1) line)

    /// A word, or a beginning of it with a star behind.
    let private fits (patterns: string list) (word: string) : bool =
        patterns
        |> List.exists (fun pattern ->
            if pattern.EndsWith '*' then
                word.StartsWith(pattern.TrimEnd '*', StringComparison.Ordinal)
            else
                word = pattern)

    let explains (difference: Difference) (known: KnownDifference) : bool =
        fits known.Peers difference.Peer
        && List.exists (fits known.Causes) difference.Causes
        && fits known.Ours difference.Ours
        && (fits known.Theirs difference.Theirs
            || known.Theirs = [ "=" ] && difference.Theirs = difference.Ours)
        && fits known.Messages difference.Messages
        && fits known.Pongs difference.Pongs
