using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>A mirror: copies of an interface's frames leave by another one too.</summary>
/// <param name="Source">Name of the interface whose frames are copied.</param>
/// <param name="Destination">Name of the one by which the copies leave.</param>
/// <param name="In">Copy what comes in.</param>
/// <param name="Out">Copy what leaves.</param>
public sealed record SpanSettings(string Name, string Source, string Destination, bool In = true, bool Out = true);

/// <summary>The mirrors. They name their interfaces, which join when they come and leave when they go. Thread-safe, under the gate of <see cref="DataplaneControl"/>.</summary>
public sealed class SpanControl
{
    private readonly InterfaceBook _interfaces;
    private readonly Lock _gate;
    private readonly Dictionary<string, SpanSettings> _spans = [];

    internal SpanControl(InterfaceBook interfaces, Lock gate) => (_interfaces, _gate) = (interfaces, gate);

    /// <summary>Adds or changes a mirror. False while an interface that it names is not there.</summary>
    public bool Set(SpanSettings settings)
    {
        lock (_gate)
        {
            if (_spans.TryGetValue(settings.Name, out var before) && before.Source != settings.Source) Write(before.Source, null);
            _spans[settings.Name] = settings;
            return Apply(settings);
        }
    }

    /// <summary>Removes a mirror; false when there was none.</summary>
    public bool Remove(string name)
    {
        lock (_gate)
        {
            if (!_spans.Remove(name, out var settings)) return false;
            Write(settings.Source, null);
            return true;
        }
    }

    /// <summary>An interface has come. Under the gate.</summary>
    internal void Joined(InterfaceState state) => Again(state, settings => Apply(settings));

    /// <summary>An interface goes. Under the gate.</summary>
    internal void Left(InterfaceState state) => Again(state, settings => Write(settings.Source, null));

    private void Again(InterfaceState state, Action<SpanSettings> action)
    {
        foreach (var settings in _spans.Values)
            if (settings.Source == state.Settings.Name || settings.Destination == state.Settings.Name) action(settings);
    }

    private bool Apply(SpanSettings settings)
    {
        if (!_interfaces.TryFind(settings.Destination, out _) || !_interfaces.TryFind(settings.Source, out _))
        {
            Write(settings.Source, null);
            return false;
        }
        Write(settings.Source, settings);
        return true;
    }

    private void Write(string source, SpanSettings? settings)
    {
        if (!_interfaces.TryFind(source, out var index)) return;
        var state = _interfaces.Get(index);
        uint to = 0;
        if (settings is not null) _interfaces.TryFind(settings.Destination, out to);
        state.SpanTo = to;
        state.Span = settings is null ? InterfaceFlags.None : (settings.In ? InterfaceFlags.SpanIn : 0) | (settings.Out ? InterfaceFlags.SpanOut : 0);
        _interfaces.Write(state);
    }
}
