using System.Runtime.InteropServices;
using Gateway.Dataplane.Guard;
using Gateway.Dataplane.Tables;
using Gateway.Policy.Items;

namespace Gateway.Dataplane.Apply;

/// <summary>
/// Policers, limits per source, MAC ACLs, and what interfaces ask of their frames. Thread-safe, under the gate of <see cref="DataplaneControl"/>. Interfaces are named, so that what they ask is there before their first packet.
/// </summary>
public sealed unsafe class GuardControl
{
    private readonly DataplaneTables _tables;
    private readonly InterfaceBook _interfaces;
    private readonly Lock _gate;
    private readonly int _workers;
    private readonly Dictionary<string, (uint Number, PolicerSpec Spec)> _policers = new(StringComparer.Ordinal);
    private readonly SourceLimitBook _limits;
    private readonly MacAclBook _macs;
    private readonly Dictionary<string, GuardBinding> _bindings = new(StringComparer.Ordinal);
    private readonly Stack<uint> _free = new(Enumerable.Range(1, GuardTable.PolicerCapacity - 1).Reverse().Select(n => (uint)n));

    internal GuardControl(DataplaneTables tables, InterfaceBook interfaces, Lock gate, int workers)
    {
        (_tables, _interfaces, _gate, _workers) = (tables, interfaces, gate, workers);
        _limits = new SourceLimitBook(tables.Guards, tables.Epochs, gate, workers);
        _macs = new MacAclBook(tables.Epochs, workers);
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
            Sweep();
        }
    }

    /// <summary>Adds a limit per source or changes one, which forgets what sources used.</summary>
    public void SetSourceLimit(string name, SourceLimitSpec spec)
    {
        lock (_gate)
        {
            _limits.Set(name, spec);
            PlaceAll();
        }
    }

    /// <summary>Removes a limit per source; what still names it passes.</summary>
    public void RemoveSourceLimit(string name)
    {
        lock (_gate)
            if (_limits.Remove(name)) PlaceAll();
    }

    /// <summary>Adds or replaces a MAC ACL; the interfaces that name it ask the new rules at once.</summary>
    public void SetMacAcl(string name, MacAclSpec spec)
    {
        lock (_gate)
        {
            _macs.Set(name, spec);
            PlaceAll();
            _macs.LetGo();
        }
    }

    /// <summary>Removes a MAC ACL. An interface that still names it drops what the ACLs before it did not decide.</summary>
    public void RemoveMacAcl(string name)
    {
        lock (_gate)
        {
            if (!_macs.Remove(name)) return;
            PlaceAll();
            _macs.LetGo();
        }
    }

    /// <summary>The limits per source, with what they counted since they came.</summary>
    public IReadOnlyList<SourceLimitRow> SourceLimits()
    {
        lock (_gate) return _limits.Rows(name => Asking(b => b.SourceLimit == name, _ => false), Graph.WorkerContext.Clock());
    }

    /// <summary>The MAC ACLs with what their rules matched.</summary>
    public IReadOnlyList<MacAclRow> MacAcls()
    {
        lock (_gate) return _macs.Rows(name => Asking(b => b.MacIn.Contains(name), b => b.MacOut.Contains(name)));
    }

    /// <summary>The policers with what they counted since they came.</summary>
    public IReadOnlyList<PolicerRow> Policers()
    {
        lock (_gate)
            return [.. _policers.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => new PolicerRow(p.Key, p.Value.Spec, Asking(b => b.PolicerIn == p.Key, b => b.PolicerOut == p.Key), CountOf(p.Value.Number, Color.Green), CountOf(p.Value.Number, Color.Yellow), CountOf(p.Value.Number, Color.Red)))];
    }

    /// <summary>What a rule of a MAC ACL's program is called; null when the program is no more. Under the gate.</summary>
    internal Filter.RuleId? MacRuleOf(nint program, uint rule) => _macs.RuleOf(program, rule);

    /// <summary>Policer and limit per source of a rule, as programs have them; 0 for what is not there.</summary>
    internal ulong GuardsOf(AclRule rule)
    {
        if (rule.Policer is null && rule.SourceLimit is null) return 0;
        lock (_gate) return Number(rule.Policer) | (ulong)_limits.NumberOf(rule.SourceLimit) << 32;
    }

    /// <summary>Number of a policer; 0 when it is not there.</summary>
    internal uint NumberOf(string policer)
    {
        lock (_gate) return Number(policer);
    }

    /// <summary>Frees everything; the workers have ended.</summary>
    internal void Dispose() => _macs.Free();

    /// <summary>An interface goes; under the gate.</summary>
    internal void Left(InterfaceState state) => *_tables.Guards[state.Index] = default;

    private InterfaceFlags Place(InterfaceState state)
    {
        var binding = _bindings.GetValueOrDefault(state.Settings.Name) ?? new GuardBinding();
        var slots = _tables.Guards[state.Index];
        Volatile.Write(ref slots->PolicerIn, Number(binding.PolicerIn));
        Volatile.Write(ref slots->PolicerOut, Number(binding.PolicerOut));
        Volatile.Write(ref slots->LimitIn, _limits.NumberOf(binding.SourceLimit));
        var permits = binding.MacDefault == AclDefault.Permit;
        Volatile.Write(ref slots->MacIn, binding.MacIn.Count == 0 ? 0 : _macs.ProgramOf(binding.MacIn, permits));
        Volatile.Write(ref slots->MacOut, binding.MacOut.Count == 0 ? 0 : _macs.ProgramOf(binding.MacOut, permits));
        return (slots->PolicerIn != 0 || slots->LimitIn != 0 || slots->MacIn != 0 ? InterfaceFlags.GuardIn : 0) | (slots->PolicerOut != 0 || slots->MacOut != 0 ? InterfaceFlags.GuardOut : 0);
    }

    private uint Number(string? policer) => policer is null ? 0 : _policers.GetValueOrDefault(policer).Number;

    /// <summary>Frees programs that nothing asks any more.</summary>
    private void Sweep()
    {
        var asked = new HashSet<nint>();
        foreach (var name in _bindings.Keys)
        {
            if (!_interfaces.TryFind(name, out var index)) continue;
            asked.Add(_tables.Guards[index]->MacIn);
            asked.Add(_tables.Guards[index]->MacOut);
        }

        _macs.Sweep(asked);
    }

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

    private List<string> Asking(Func<GuardBinding, bool> comingIn, Func<GuardBinding, bool> leaving) =>
    [
        .. _bindings.Where(b => comingIn(b.Value)).Select(b => $"in {b.Key}").Concat(_bindings.Where(b => leaving(b.Value)).Select(b => $"out {b.Key}")).Order(StringComparer.Ordinal),
    ];
}
