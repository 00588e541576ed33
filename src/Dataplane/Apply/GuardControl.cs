using System.Runtime.InteropServices;
using Gateway.Dataplane.Guard;
using Gateway.Dataplane.Tables;
using Gateway.Policy.Items;

namespace Gateway.Dataplane.Apply;

/// <summary>
/// Policers, and what interfaces ask of their frames. Thread-safe, under the gate of <see cref="DataplaneControl"/>. Interfaces are named, so that what they ask is there before their first packet.
/// </summary>
public sealed unsafe class GuardControl
{
    private readonly DataplaneTables _tables;
    private readonly InterfaceBook _interfaces;
    private readonly Lock _gate;
    private readonly int _workers;
    private readonly Dictionary<string, (uint Number, PolicerSpec Spec)> _policers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GuardBinding> _bindings = new(StringComparer.Ordinal);
    private readonly Stack<uint> _free = new(Enumerable.Range(1, GuardTable.PolicerCapacity - 1).Reverse().Select(n => (uint)n));

    internal GuardControl(DataplaneTables tables, InterfaceBook interfaces, Lock gate, int workers)
    {
        (_tables, _interfaces, _gate, _workers) = (tables, interfaces, gate, workers);
        interfaces.Guards = Place;
    }

    /// <summary>Adds a policer, with full buckets, or changes one: its buckets keep what they hold unless it counts something else from now on.</summary>
    public void SetPolicer(string name, PolicerSpec spec)
    {
        lock (_gate)
        {
            var isNew = !_policers.TryGetValue(name, out var before);
            if (isNew && !_free.TryPop(out before.Number)) throw new ArgumentException($"There are {GuardTable.PolicerCapacity - 1} policers already.", nameof(name));
            _policers[name] = (before.Number, spec);
            var terms = (PolicerTerms*)NativeMemory.AlignedAlloc((nuint)sizeof(PolicerTerms), 64);
            *terms = PolicerTerms.Of(spec);
            var policer = _tables.Guards.Policer(before.Number);
            if (isNew) Count(policer);
            if (isNew || before.Spec.Rate.InPackets != spec.Rate.InPackets || before.Spec.Mode != spec.Mode)
            {
                Volatile.Write(ref policer->Committed, terms->Cap);
                Volatile.Write(ref policer->Further, terms->FurtherCap);
                Volatile.Write(ref policer->Filled, Graph.WorkerContext.Clock());
            }

            Exchange(policer, terms);
            if (isNew) PlaceAll();
        }
    }

    /// <summary>Removes a policer; what still names it passes.</summary>
    public void RemovePolicer(string name)
    {
        lock (_gate)
        {
            if (!_policers.Remove(name, out var gone)) return;
            PlaceAll();
            Exchange(_tables.Guards.Policer(gone.Number), null);
            // Workers may still come with the number: it is another's only when none does.
            _tables.Epochs.Retire(() =>
            {
                lock (_gate) _free.Push(gone.Number);
            });
        }
    }

    /// <summary>Says what an interface asks of its frames; it need not be there yet.</summary>
    public void Bind(string onInterface, GuardBinding binding)
    {
        lock (_gate)
        {
            if ((_bindings.GetValueOrDefault(onInterface) ?? new GuardBinding()) == binding) return;
            if (binding == new GuardBinding()) _bindings.Remove(onInterface);
            else _bindings[onInterface] = binding;
            if (_interfaces.TryFind(onInterface, out var index)) _interfaces.Write(_interfaces.Get(index));
        }
    }

    /// <summary>The policers with what they counted since they came.</summary>
    public IReadOnlyList<PolicerRow> Policers()
    {
        lock (_gate)
            return [.. _policers.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => new PolicerRow(p.Key, p.Value.Spec, Asking(p.Key), CountOf(p.Value.Number, Color.Green), CountOf(p.Value.Number, Color.Yellow), CountOf(p.Value.Number, Color.Red)))];
    }

    /// <summary>Number of a policer for rules; 0 when it is not there.</summary>
    internal uint NumberOf(string policer)
    {
        lock (_gate) return _policers.GetValueOrDefault(policer).Number;
    }

    /// <summary>An interface goes; under the gate.</summary>
    internal void Left(InterfaceState state) => *_tables.Guards[state.Index] = default;

    private InterfaceFlags Place(InterfaceState state)
    {
        var binding = _bindings.GetValueOrDefault(state.Settings.Name) ?? new GuardBinding();
        var slots = _tables.Guards[state.Index];
        Volatile.Write(ref slots->PolicerIn, Number(binding.PolicerIn));
        Volatile.Write(ref slots->PolicerOut, Number(binding.PolicerOut));
        return (slots->PolicerIn != 0 ? InterfaceFlags.GuardIn : 0) | (slots->PolicerOut != 0 ? InterfaceFlags.GuardOut : 0);
    }

    private uint Number(string? policer) => policer is null ? 0 : _policers.GetValueOrDefault(policer).Number;

    private void PlaceAll()
    {
        foreach (var name in _bindings.Keys)
            if (_interfaces.TryFind(name, out var index)) _interfaces.Write(_interfaces.Get(index));
    }

    private void Exchange(Policer* policer, PolicerTerms* terms)
    {
        var before = policer->Terms;
        Volatile.Write(ref *(nint*)&policer->Terms, (nint)terms);
        _tables.Epochs.Retire(before);
    }

    private void Count(Policer* policer)
    {
        var bytes = (nuint)(_workers * Policer.CounterStride * sizeof(ulong));
        if (policer->Counters == null) policer->Counters = (ulong*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(policer->Counters, bytes);
    }

    private ColorCount CountOf(uint number, Color color)
    {
        ulong packets = 0, octets = 0;
        for (var worker = 0; worker < _workers; worker++)
        {
            var at = _tables.Guards.Policer(number)->Counters + worker * Policer.CounterStride + (int)color * 2;
            packets += Volatile.Read(ref at[0]);
            octets += Volatile.Read(ref at[1]);
        }

        return new ColorCount(packets, octets);
    }

    private List<string> Asking(string policer) =>
    [
        .. _bindings.SelectMany(b => (string[])[.. b.Value.PolicerIn == policer ? [$"in {b.Key}"] : (string[])[], .. b.Value.PolicerOut == policer ? [$"out {b.Key}"] : (string[])[]]).Order(StringComparer.Ordinal),
    ];
}
