using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>The numbers of the VRFs that have names; 0 is the default one's.</summary>
internal sealed class VrfBook
{
    private readonly Dictionary<string, uint> _numbers = [];

    /// <summary>The number of a VRF, which gets one when it has none; null is the default one.</summary>
    public uint NumberOf(string? name)
    {
        if (name is null) return 0;
        if (_numbers.TryGetValue(name, out var number)) return number;
        for (number = 1; number < Fib4.MaxVrfs; number++)
            if (!_numbers.ContainsValue(number)) return _numbers[name] = number;
        throw new ArgumentException($"There are {Fib4.MaxVrfs - 1} VRFs already.", nameof(name));
    }

    /// <summary>The number of a VRF that has one; else that of the default one.</summary>
    public uint IfAny(string name) => _numbers.GetValueOrDefault(name);

    public string? NameOf(uint number) => _numbers.FirstOrDefault(n => n.Value == number).Key;

    /// <summary>Its number is free again; interfaces and routes must be gone.</summary>
    public void Forget(string name) => _numbers.Remove(name);
}
