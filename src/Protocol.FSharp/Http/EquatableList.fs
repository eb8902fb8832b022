// A list that is a value, for both languages: what a peer offers, what was agreed on.
namespace FunctionalWs.Protocol

open System
open System.Collections
open System.Collections.Generic
open System.Runtime.CompilerServices

/// <summary>
/// An immutable list that is compared by its items, in order, and so can be part of other values. Safe from any thread. C# writes
/// one as <c>[first, second]</c>, F# as <c>EquatableList.Create [ first; second ]</c>.
/// </summary>
[<Sealed;
  AllowNullLiteral(false);
  StructuredFormatDisplay("{Shown}");
  CollectionBuilder(typeof<EquatableList>, "Create")>]
type EquatableList<'T> internal (items: 'T[]) =

    /// <summary>How many items there are.</summary>
    member _.Count: int = items.Length

    /// <summary>The item at an index.</summary>
    /// <param name="index">0 to <c>Count</c> - 1.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">There is no such item.</exception>
    member _.Item
        with get (index: int): 'T =
            ArgumentOutOfRangeException.ThrowIfNegative(index, nameof index)
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, items.Length, nameof index)
            items[index]

    /// <summary>Goes through the items in order.</summary>
    member _.GetEnumerator() : IEnumerator<'T> = (Seq.ofArray items).GetEnumerator()

    /// <summary>True when both have equal items in the same order.</summary>
    override _.Equals(other: obj | null) : bool =
        match other with
        | :? EquatableList<'T> as other -> System.Linq.Enumerable.SequenceEqual(items, other)
        | _ -> false

    /// <summary>A hash code of the items.</summary>
    override _.GetHashCode() : int =
        let mutable code = HashCode()

        for item in items do
            code.Add item

        code.ToHashCode()

    member private _.Shown: string = String.Join(", ", items)

    /// <summary>The items, with commas between them.</summary>
    override list.ToString() : string = list.Shown

    interface IReadOnlyList<'T> with
        member list.Count: int = list.Count

        member list.Item
            with get (index: int): 'T = list[index]

        member list.GetEnumerator() : IEnumerator<'T> = list.GetEnumerator()
        member list.GetEnumerator() : IEnumerator = list.GetEnumerator() :> IEnumerator

/// <summary>Makes lists that are values.</summary>
and [<AbstractClass; Sealed>] EquatableList =

    /// <summary>Copies items into a list.</summary>
    /// <param name="items">The items, in order.</param>
    static member Create<'T>(items: ReadOnlySpan<'T>) : EquatableList<'T> = EquatableList<'T>(items.ToArray())

    /// <summary>Copies items into a list.</summary>
    /// <param name="items">The items, in order.</param>
    static member Create<'T>(items: IEnumerable<'T>) : EquatableList<'T> =
        ArgumentNullException.ThrowIfNull(items, nameof items)
        EquatableList<'T>(Array.ofSeq items)

type EquatableList<'T> with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: EquatableList<'T> | null, right: EquatableList<'T> | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: EquatableList<'T> | null, right: EquatableList<'T> | null) : bool =
        not (obj.Equals(left, right))
