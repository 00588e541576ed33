using Gateway.Dataplane.Filter;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>The rules of the interfaces. Thread-safe; rules are compiled before the workers' tables are touched, and exchanged as a whole.</summary>
public sealed unsafe class FilterControl
{
    private static readonly (FilterPoint Point, InterfaceFlags Flag)[] _points =
    [
        (FilterPoint.In4, InterfaceFlags.AclIn4), (FilterPoint.In6, InterfaceFlags.AclIn6), (FilterPoint.Out4, InterfaceFlags.AclOut4), (FilterPoint.Out6, InterfaceFlags.AclOut6),
    ];

    private readonly DataplaneTables _tables;
    private readonly InterfaceBook _interfaces;
    private readonly Lock _gate;

    internal FilterControl(DataplaneTables tables, InterfaceBook interfaces, Lock gate, int workers)
    {
        (_tables, _interfaces, _gate, Workers) = (tables, interfaces, gate, workers);
        interfaces.Rules = FlagsOf;
    }

    internal int Workers { get; }

    /// <summary>Gives an interface a program of its own, or none; the one before is freed when no worker holds it.</summary>
    internal void Attach(uint index, FilterPoint point, FilterProgram* program)
    {
        lock (_gate)
        {
            // What is seen while one follows the other is an interface without rules, never one with rules that are gone; a first program is there before its flag.
            var before = (nint)_tables.Filters.Exchange(index, point, program);
            _interfaces.Write(_interfaces.Get(index));
            if (before != 0) _tables.Epochs.Retire(() => FilterProgram.Free((FilterProgram*)before));
            var any = false;
            foreach (var state in _interfaces.All) any |= (FlagsOf(state) & (InterfaceFlags.AclOut4 | InterfaceFlags.AclOut6)) != 0;
            Volatile.Write(ref _tables.Filters.AnyOut, any);
            _tables.Flows.FiltersChanged(AnyReflects());
        }
    }

    private bool AnyReflects()
    {
        foreach (var state in _interfaces.All)
            foreach (var (point, _) in _points)
            {
                var program = _tables.Filters.Get(state.Index, point);
                if (program == null) continue;
                for (uint rule = 0; rule <= program->Rules; rule++)
                    if (program->Verdicts[rule].Action == FilterAction.Reflect) return true;
            }
        return false;
    }

    private InterfaceFlags FlagsOf(InterfaceState state)
    {
        var flags = InterfaceFlags.None;
        foreach (var (point, flag) in _points)
            if (_tables.Filters.Get(state.Index, point) != null) flags |= flag;
        return flags;
    }
}
