// A button for what one's role may do; for what it may not, the button stays and says which role is needed.
import { Button, type ButtonProps, Tooltip } from 'antd';
import { useTranslation } from 'react-i18next';
import { type Permission, useSession } from '../api/session.tsx';

const kAdministrators: Permission[] = ['manage-people', 'manage-keys', 'manage-gateways', 'manage-clusters', 'confirm-vendor-keys'];

export function Act({ needs, children, onClick, ...rest }: ButtonProps & { needs: Permission }) {
  const { t } = useTranslation();
  const { may } = useSession();
  if (may(needs))
    return (
      <Button {...rest} {...(onClick ? { onClick } : {})}>
        {children}
      </Button>
    );
  const role = t(kAdministrators.includes(needs) ? 'role.administrator' : 'role.operator');
  const { type: _type, danger: _danger, disabled: _disabled, href: _href, ...plain } = rest;
  return (
    <Tooltip title={t('act.needs-role', { role })}>
      <Button {...plain} aria-disabled className="not-allowed">
        {children}
      </Button>
    </Tooltip>
  );
}
