using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Host.Control;

/// <summary>What belongs to a pass of the reconciler as a whole rather than to one item. Called on its loop; must not throw.</summary>
public interface IReconcilerPhases
{
    /// <summary>Before the first step towards <paramref name="desired"/>.</summary>
    void BeforePass(RunningConfiguration desired);

    /// <summary>After the last step of the pass, before outcomes are told.</summary>
    void AfterPass(RunningConfiguration desired, AppliedState applied);
}
