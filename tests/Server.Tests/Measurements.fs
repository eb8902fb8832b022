/// What a server measures, as a listener of its own gets it.
namespace FunctionalWs.Server.Tests

open System
open System.Collections.Generic
open System.Diagnostics.Metrics

/// One measurement: a value with its tags.
type Measured = float * Map<string, string>

/// Meters of one test, and a listener that hears nothing else: tests run side by side, and have servers of their own.
type Measurements(isListening: bool) as factory =
    let meters = Dictionary<string, Meter>()
    let instruments = List<Instrument>()
    let recorded = List<string * Measured>()
    let listener = new MeterListener()

    let isOurs (instrument: Instrument) =
        Object.ReferenceEquals(instrument.Meter.Scope, factory)

    let keep (instrument: Instrument) (value: float) (tags: ReadOnlySpan<KeyValuePair<string, obj>>) =
        let copied = tags.ToArray()
        let tags = Map [ for tag in copied -> tag.Key, string tag.Value ]
        lock recorded (fun () -> recorded.Add(instrument.Name, (value, tags)))

    do
        listener.InstrumentPublished <-
            (fun instrument listener ->
                if isOurs instrument then
                    lock instruments (fun () -> instruments.Add instrument)

                    if isListening then
                        listener.EnableMeasurementEvents instrument)

        listener.SetMeasurementEventCallback<int>(fun instrument value tags _ ->
            keep instrument (float value) tags)

        listener.SetMeasurementEventCallback<int64>(fun instrument value tags _ ->
            keep instrument (float value) tags)

        listener.SetMeasurementEventCallback<float>(fun instrument value tags _ -> keep instrument value tags)

        listener.Start()

    new() = new Measurements true

    /// Every instrument that there is.
    member _.Instruments = lock instruments (fun () -> List.ofSeq instruments)

    /// What was recorded of an instrument so far, in order.
    member _.Of(name: string) : Measured list =
        lock recorded (fun () -> [
            for found, measured in recorded do
                if found = $"functionalws.server.{name}" then
                    measured
        ])

    /// What an instrument tells that is asked.
    member measurements.Ask(name: string) : Measured list =
        lock recorded recorded.Clear
        listener.RecordObservableInstruments()
        measurements.Of name

    /// The one value that an instrument tells that is asked.
    member measurements.Value(name: string) : float =
        match measurements.Ask name with
        | [ value, _ ] -> value
        | other -> failwith $"one value of {name} was expected, not {other}"

    /// Begins to listen to what was not listened to.
    member measurements.Listen() =
        for instrument in measurements.Instruments do
            listener.EnableMeasurementEvents instrument

    interface IMeterFactory with
        member _.Create(options: MeterOptions) =
            lock meters (fun () ->
                match meters.TryGetValue options.Name with
                | true, meter -> meter
                | _ ->
                    options.Scope <- factory
                    let meter = new Meter(options)
                    meters.Add(options.Name, meter)
                    meter)

        member _.Dispose() =
            listener.Dispose()

            for meter in meters.Values do
                meter.Dispose()
